export type Key = string | (() => string | Promise<string>);

export interface Options {
  /** The address of the hub: scheme, host and port. */
  url: string;
  /** An API key, or a function that gives a token; it is asked before each request. */
  key: Key;
  /** The time for one answer; 30 seconds. */
  timeoutMs?: number;
  /** The time for all tries of one call; a minute. */
  giveUpAfterMs?: number;
  /** The shortest and the longest pause between two tries; 1 and 30 seconds. */
  delaysMs?: [number, number];
}

export type Recipient = { user: string } | { users: string[] } | { everyone: true } | { role: "admin" } | { room: string };

export interface NewAlarm {
  to: Recipient;
  alarmType: string;
  fromUserId?: string;
  targetId?: string | number;
  data?: unknown;
  url?: string;
  expiresInSeconds?: number;
}

export interface Published {
  id: number;
  topic: string;
}

export interface Alarm<Data = unknown> {
  id: number;
  topic: string;
  alarmType: string;
  fromUserId: string | null;
  targetId: string | null;
  data: Data;
  url: string | null;
  createdAt: string;
  expiresAt: string | null;
}

/** An event of a stream. `gap`: a part of the history is gone, so read again what you keep a copy of. */
export type HubEvent =
  | { event: "alarm" | "message"; id: number; data: Alarm }
  | { event: "gap"; id: number; data: { cursor: number } }
  | { event: "state" | "presence" | "session"; id: null; data: Record<string, unknown> };

export interface Cursor {
  load(): number | undefined | Promise<number | undefined>;
  save(cursor: number): unknown;
}

export interface Watch {
  /** Topics such as `user:bob`, `everyone`, or `*` for the whole log. */
  topics?: string[];
  rooms?: string[];
  /** The position to start after, or what keeps it. Without one the stream starts now. */
  cursor?: number | Cursor;
  /** Ends the stream, and with it the loop. */
  signal?: AbortSignal;
}

export declare class HubError extends Error {
  /** The status of the answer, or 0 without one. */
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly requestId?: string;
  readonly retryAfterMs: number;
  readonly isTemporary: boolean;
}

export declare class Campanile {
  constructor(options: Options);
  publish(alarm: NewAlarm, options?: { idempotencyKey?: string }): Promise<Published[]>;
  publishAll(alarms: NewAlarm[], options?: { idempotencyKey?: string }): Promise<Published[][]>;
  retract(which: { targetId: string | number; alarmType: string; user?: string }): Promise<number>;
  putUser(
    id: string,
    changes?: { displayName?: string; role?: "user" | "service" | "admin"; disabled?: boolean },
  ): Promise<{ id: string; displayName: string; role: string }>;
  putUsers(users: { id: string; displayName?: string }[]): Promise<{ created: number; updated: number }>;
  signOut(id: string): Promise<void>;
  deleteUser(id: string): Promise<void>;
  token(userId: string, options?: { ttlSeconds?: number }): Promise<{ token: string; expiresAt: string }>;
  watch(options?: Watch): AsyncGenerator<HubEvent, void, void>;
}

/** A cursor in a file, which is replaced as a whole. */
export declare function fileCursor(path: string): Cursor;
