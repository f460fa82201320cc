import type { ShallowRef } from "vue";
import type { AlarmOf, Campanile, Counts, Filter, How, InboxActions, InboxState, Readable, Status } from "./index.js";

/** What a composable gives: a ref that is only read, and that a template unwraps. */
export type ReadonlyRef<Value> = Readonly<ShallowRef<Value>>;

/** The state of the connection. */
export function useStatus(campanile: Campanile<any>): ReadonlyRef<Status>;
/** The unseen and unread alarms: of these types, or of the whole inbox. */
export function useCounts<Alarms>(campanile: Campanile<Alarms>, ...types: (keyof Alarms & string)[]): ReadonlyRef<Counts>;
/** A list of alarms, and what can be done to it. */
export function useInbox<Alarms, Type extends keyof Alarms & string = keyof Alarms & string>(
  campanile: Campanile<Alarms>,
  filter?: Filter<Type>,
): { state: ReadonlyRef<InboxState<AlarmOf<Alarms, Type>>> } & InboxActions;
/** Calls `hear` for each alarm that arrives. */
export function useAlarm<Alarms>(campanile: Campanile<Alarms>, hear: (alarm: AlarmOf<Alarms>, how: How) => void): void;
/** The alarms that arrived in the last seconds while somebody looked at this page; by default at most 3, for 6 seconds. */
export function useToasts<Alarms>(
  campanile: Campanile<Alarms>,
  options?: { seconds?: number; most?: number },
): { toasts: ReadonlyRef<readonly AlarmOf<Alarms>[]>; dismiss(alarm: AlarmOf<Alarms>): void };
/** Any other value that is watched. */
export function useReadable<Value>(store: Readable<Value>): ReadonlyRef<Value>;
