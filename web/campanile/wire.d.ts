// What the hub and the module say to each other (docs/reference/api.md), and what a page says to the module (docs/guide/embedding.md).

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
}

export interface Connected extends Counts {
  cursor: AlarmId;
  head: AlarmId;
  gap: boolean;
  heartbeatSeconds?: number;
}

/** What was seen, read or deleted, here or elsewhere. */
export interface StateChange {
  ids?: AlarmId[];
  upTo?: AlarmId;
  seen?: boolean;
  read?: boolean;
  deleted?: boolean;
}

export interface Presence {
  roomId: string;
  joined: string[];
  left: string[];
}

export interface Bye {
  reason: "shutdown" | "expired" | "logout" | "kicked" | "slow";
  reconnect: boolean;
}

export type Status =
  | { state: "connecting" }
  | { state: "live"; way: WayName }
  | { state: "waiting"; retryAt: number }
  | { state: "ended"; reason: string };

/** Streaming, or what takes its place where something between here and the hub holds streams back. */
export type WayName = "stream" | "polls";

/** One open connection, of either way. */
export interface Way {
  name: WayName;
  rooms: string[];
  openedAt: number;
  heardAt: number;
  /** How many events it has brought, `connect` among them. */
  heard: number;
  close(): void;
}

export type Token = string | (() => string | Promise<string>) | null | undefined;
export type Rooms = string | Iterable<string | number> | null | undefined;
export type How = { replayed: boolean };

export interface ConnectOptions {
  /** The hub's origin; by default where the module came from. */
  hub?: string | null;
  /** A token, or a function that gives or promises one. Without it the hub's cookie says who this is. */
  token?: Token;
  /** The user's id, under which tabs share one stream; by default the token's subject. */
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
  retry(): void;
  readonly cursor: AlarmId | null;
  readonly counts: Counts | null;
  readonly status: Status;
}

export type Timer = ReturnType<typeof setTimeout> | undefined;

/** One `connect()` of a page. */
export interface Listener {
  on: ConnectOptions;
  rooms: string[];
  cursor: AlarmId | null;
  /** Whether what is heard now follows on what it has had. */
  fed: boolean;
}
