import type { AlarmOf, Campanile, Counts, Filter, InboxActions, InboxState, Readable, Status } from "./index.js";

/** A store by Svelte's contract. */
export interface SvelteStore<Value> {
  subscribe(run: (value: Value) => void): () => void;
}

/** The state of the connection. */
export function statusOf(campanile: Campanile<any>): SvelteStore<Status>;
/** The unseen and unread alarms: of these types, or of the whole inbox. */
export function countsOf<Alarms>(campanile: Campanile<Alarms>, ...types: (keyof Alarms & string)[]): SvelteStore<Counts>;
/** A list of alarms, and what can be done to it. */
export function inboxOf<Alarms, Type extends keyof Alarms & string = keyof Alarms & string>(
  campanile: Campanile<Alarms>,
  filter?: Filter<Type>,
): SvelteStore<InboxState<AlarmOf<Alarms, Type>>> & InboxActions;
/** The alarms that arrived in the last seconds while somebody looked at this page; by default at most 3, for 6 seconds. */
export function toastStore<Alarms>(
  campanile: Campanile<Alarms>,
  options?: { seconds?: number; most?: number },
): SvelteStore<readonly AlarmOf<Alarms>[]> & { dismiss(alarm: AlarmOf<Alarms>): void };
/** Any other value that is watched. */
export function readable<Value>(store: Readable<Value>): SvelteStore<Value>;
