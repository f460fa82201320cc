// The types of the headless client. The messages of the hub are in wire.d.ts.

import type { Alarm, AlarmId, Client, ConnectOptions, Counts, How, InboxState, Readable, Status } from "./wire.js";

export type { Alarm, AlarmId, Cause, Client, Connected, ConnectOptions, Counts, How, InboxState, Presence, Readable, Rooms, StateChange, Status, Token } from "./wire.js";

/** For each type of alarm the type of its `data`. */
export type AlarmMap = Record<string, any>;

/** The alarms of these types; `alarmType` tells which `data` one has. */
export type AlarmOf<Alarms, Type extends keyof Alarms = keyof Alarms> = {
  [Name in Type & string]: Omit<Alarm, "id" | "alarmType" | "data"> & { id: AlarmId; alarmType: Name; data: Alarms[Name] };
}[Type & string];

export interface Filter<Type extends string = string> {
  /** One type or several; by default all. */
  alarmType?: Type | readonly Type[];
  status?: "all" | "unread";
  /** The size of a page, 1 to 100; by default 20. */
  limit?: number;
}

/** What can be done to a list. A change shows at once, and goes back if the hub refuses it. */
export interface InboxActions {
  /** Adds the next page. */
  more(): Promise<void>;
  /** Fetches again what is shown. */
  reload(): Promise<void>;
  /** Marks one alarm as read, or as unread; false if it failed, and then `error` says why. */
  setRead(alarm: AlarmId | { id?: AlarmId }, read?: boolean): Promise<boolean>;
  /** Removes one alarm from the inbox. */
  remove(alarm: AlarmId | { id?: AlarmId }): Promise<boolean>;
  /** Marks all alarms of this list as read, up to the newest that is shown. */
  readAll(): Promise<boolean>;
  /** Marks all alarms as seen, up to the newest that is shown. */
  seen(): Promise<boolean>;
}

export type Inbox<Item = Alarm> = Readable<InboxState<Item>> & InboxActions;

export interface Campanile<Alarms = AlarmMap> {
  readonly status: Readable<Status>;
  /** The unseen and unread alarms of the whole inbox. */
  readonly counts: Readable<Counts>;
  /** The unseen and unread alarms of these types. */
  countsOf(...types: (keyof Alarms & string)[]): Readable<Counts>;
  /** The list of the alarms of these types, or of all. The same filter gives the same list. */
  inbox<Type extends keyof Alarms & string = keyof Alarms & string>(filter?: Filter<Type>): Inbox<AlarmOf<Alarms, Type>>;
  /** Tells each alarm that arrives; returns what ends that. */
  onAlarm(hear: (alarm: AlarmOf<Alarms>, how: How) => void): () => void;
  /** The client of the connection; null while nothing is watched. */
  readonly client: Client | null;
  /** Asks the hub for something else as the same user. */
  request(method: string, path: string, body?: unknown): Promise<any>;
  /** Signs out at the hub, and ends the clients of this user in all tabs; with `false` the session at the hub stays. */
  signOut(atHub?: boolean): Promise<void>;
  /** Ends the connection and forgets the user. What watches something afterwards begins anew. */
  close(): void;
  /** Begins anew, as after the next sign-in. */
  restart(): void;
}

/** A client that connects when something is watched first, and ends when nothing is any more. */
export function createCampanile<Alarms = AlarmMap>(options?: ConnectOptions): Campanile<Alarms>;

/** One client with callbacks, connected from now on. */
export function connect(options?: ConnectOptions): Client;

/** An answer of the hub that is not a success. */
export class RequestError extends Error {
  constructor(status: number, problem?: { code?: string; detail?: string });
  status: number;
  code: string | undefined;
}
