// The messages between the hub and the module (docs/reference/api.md), and between a page and the module (docs/guide/embedding.md).

export type AlarmId = number;

export interface Alarm {
  id?: AlarmId;
  topic?: string;
  alarmType: string;
  fromUserId?: string | null;
  targetId?: string | null;
  data?: any;
  url?: string | null;
  createdAt: string;
  expiresAt?: string | null;
  seenAt?: string | null;
  readAt?: string | null;
}

export interface Counts {
  unseen: number;
  unread: number;
  /** True if there are more than the number says. */
  unseenMore?: boolean;
  unreadMore?: boolean;
}

export interface Connected extends Counts {
  /** The name of the stream. */
  clientId?: string;
  /** The user, as the hub names them. */
  userId?: string;
  cursor: AlarmId;
  head: AlarmId;
  gap: boolean;
  /** The version of the user's marks that the counts cover. */
  version?: number;
  heartbeatSeconds?: number;
}

/** The alarms that were seen, read or deleted, here or elsewhere. */
export interface StateChange {
  ids?: AlarmId[];
  upTo?: AlarmId;
  seen?: boolean;
  read?: boolean;
  deleted?: boolean;
  expired?: boolean;
  /** The last id that the counts cover. */
  head?: AlarmId;
  /** The version of the user's marks after the change. */
  version?: number;
}

export interface Presence {
  roomId: string;
  /** The number of users in a room of more than 200. */
  count?: number;
  joined: string[];
  left: string[];
}

export interface Bye {
  reason: "shutdown" | "expired" | "logout" | "kicked" | "slow" | "unavailable" | "too_many_streams";
  reconnect: boolean;
}

/** Why there is no connection: a stable code (docs/guide/embedding.md lists them), and a sentence for a developer. */
export interface Cause {
  code: string;
  detail: string;
}

export type Status =
  | { state: "connecting" }
  | { state: "live"; way: WayName }
  | ({ state: "waiting"; retryAt: number } & Cause)
  /** `reason` is the same as `code`. */
  | ({ state: "ended"; reason: string } & Cause);

/** Streaming, or what takes its place where something between here and the hub holds streams back. */
export type WayName = "stream" | "polls";

/** One open connection, of either way. */
export interface Way {
  name: WayName;
  rooms: string[];
  /** The time at which it was opened, or last received an event. */
  heardAt: number;
  /** The number of events it has received, `connect` among them. */
  heard: number;
  close(): void;
}

/** A token, or a function that gives or promises one. Nothing (null, undefined, "") means that nobody is signed in. */
export type Token = string | (() => string | null | undefined | Promise<string | null | undefined>) | null | undefined;
export type Rooms = string | Iterable<string | number> | null | undefined;
export type How = { replayed: boolean };

export interface ConnectOptions {
  /** The hub's origin; by default where the module came from. */
  hub?: string | null;
  /** The user of the page. If it is left out, the hub's cookie decides; null or undefined means that nobody is signed in. */
  token?: Token;
  /** With the hub's cookie: the user the page was made for. Should the cookie be another's, the client ends. */
  user?: string | null;
  /** Room ids, or "all". */
  rooms?: Rooms;
  /** The last id already known; by default the stream starts now. */
  cursor?: AlarmId | string | null;
  /** The counts as of `cursor`. */
  counts?: Counts | null;
  onConnect?(data: Connected): void;
  onAlarm?(alarm: Alarm, how: How): void;
  onMessage?(alarm: Alarm, how: How): void;
  onState?(data: StateChange & Counts): void;
  onCounts?(counts: Counts): void;
  onPresence?(data: Presence): void;
  onStatus?(status: Status): void;
  onGap?(): void;
}

export interface Client {
  close(): void;
  setRooms(rooms: Rooms): void;
  /** Tries again now. */
  retry(): void;
  /** Asks the hub for something else, such as `GET /api/alarms`, as the same user; rejects with a RequestError. */
  request(method: string, path: string, body?: unknown): Promise<any>;
  /** Signs out at the hub, and ends the clients of this user in all tabs; with `false` the session at the hub stays. */
  signOut(atHub?: boolean): Promise<void>;
  /** The user, as the hub names them; null before it has answered, and after the end. */
  readonly userId: string | null;
  readonly cursor: AlarmId | null;
  readonly counts: Counts | null;
  readonly status: Status;
}

export type Timer = ReturnType<typeof setTimeout> | undefined;

/** A value that is watched. */
export interface Readable<Value> {
  readonly value: Value;
  /** Calls `listener` after each change; returns what ends that. */
  subscribe(listener: () => void): () => void;
}

export interface InboxState<Item = Alarm> {
  /** Newest first. */
  readonly items: readonly Item[];
  /** True until the first page is there. */
  readonly loading: boolean;
  /** True if there are older ones. */
  readonly hasMore: boolean;
  /** Why the last request failed; null if it did not. */
  readonly error: unknown;
}

/** What happened to alarms, at the hub or in this page. */
export interface LocalChange extends StateChange {
  /** A new one. */
  alarm?: Alarm;
  /** Only these types; none means all. */
  types?: string[];
  at?: string;
}
