// The headless client: one connection for all who watch something, the counts, the lists, and what arrives.

import { call } from "./callback.js";
import { connect } from "./client.js";
import { inboxOf } from "./inbox.js";
import { watched } from "./store.js";

/** @import { Alarm, AlarmId, Client, ConnectOptions, Counts, How, LocalChange, Status, Timer } from "./wire.d.ts" */

// A view that is left is usually followed by another; React's StrictMode leaves each once at the start.
const LINGER_MS = 1_000;
const RECOUNT_MS = 200;
const NONE = { unseen: 0, unread: 0 };

/**
 * A client that connects when something is watched first, and ends when nothing is any more.
 * @param {ConnectOptions} [options]
 */
export function createCampanile(options = {}) {
  /** @type {Client | null} */
  let client = null;
  let holders = 0;
  /** @type {Timer} */
  let closing;
  /** @type {Promise<unknown>} the last change is sent */
  let sent = Promise.resolve();
  /** @type {Map<string, ReturnType<typeof inboxOf>>} */
  const inboxes = new Map();
  /** @type {Set<LocalChange>} */
  const changes = new Set();

  // The counts by type: as the hub told them, and what has arrived since.
  /** @type {Map<string, ReturnType<typeof watched<Counts>>>} */
  const tallies = new Map();
  /** @type {{ cursor: AlarmId, types: Record<string, Counts> }} */
  let told = { cursor: 0, types: {} };
  /** @type {Alarm[]} */
  let arrived = [];
  let counting = 0;
  /** @type {Timer} */
  let recounting;
  /** @type {Promise<boolean> | null} */
  let known = null;

  /** Keeps the connection until what this gives is called. */
  const hold = () => {
    holders += 1;
    clearTimeout(closing);
    if (!client) open();
    return () => {
      holders -= 1;
      if (!holders) closing = setTimeout(close, LINGER_MS);
    };
  };

  /** @type {ReturnType<typeof watched<Status>>} */
  const status = watched({ state: "connecting" }, hold);
  const counts = watched(options.counts ?? NONE, hold);
  /** @type {ReturnType<typeof watched<[Alarm, How] | null>>} the latest */
  const alarms = watched(/** @type {any} */ (null), hold);

  const open = () => {
    client = connect({
      ...options,
      onConnect(data) {
        refresh();
        call(options.onConnect, data);
      },
      onAlarm(alarm, how) {
        take({ alarm });
        if (counting) arrived.push(alarm);
        tally();
        alarms.put([alarm, how]);
        call(options.onAlarm, alarm, how);
      },
      onState(change) {
        take(change);
        recount();
        call(options.onState, change);
      },
      onCounts(now) {
        const { value } = status;
        const { unseen, unread } = counts.value;
        counts.put(now);
        // Polls tell of a change of state by the counts alone.
        if (value.state === "live" && value.way === "polls" && (unseen !== now.unseen || unread !== now.unread)) refresh();
        call(options.onCounts, now);
      },
      onStatus(now) {
        const was = status.value.state;
        if (now.state === "ended") forget();
        status.put(now);
        if (now.state === "live" && was !== now.state) refresh();
        call(options.onStatus, now);
      },
    });
  };

  const close = () => {
    clearTimeout(closing);
    client?.close();
    client = null;
    forget();
    status.put({ state: "connecting" });
  };

  const forget = () => {
    changes.clear();
    alarms.value = null;
    counts.put(NONE);
    told = { cursor: 0, types: {} };
    arrived = [];
    known = null;
    tally();
    for (const inbox of inboxes.values()) inbox.forget();
  };

  const refresh = () => {
    for (const inbox of inboxes.values()) inbox.refresh();
    recount();
  };

  /** @param {LocalChange} change */
  const take = (change) => {
    for (const inbox of inboxes.values()) inbox.take(change);
  };

  const render = () => {
    for (const inbox of inboxes.values()) inbox.render();
  };

  /** @param {string} method @param {string} path @param {unknown} [body] */
  const ask = async (method, path, body) => {
    if (client) return client.request(method, path, body);
    throw new TypeError();
  };

  /**
   * Shows a change at once, tells it to the hub after those before it, and returns the reason if that failed.
   * @param {LocalChange} made
   * @param {() => Promise<unknown>} send
   */
  const change = async (made, send) => {
    const of = client;
    changes.add(made);
    render();
    const fault = await (sent = sent.then(() => (of === client ? send() : 0)).then(
      () => null,
      // One that is gone already need not be removed.
      (error) => (made.deleted && error.status === 404 ? null : error),
    ));
    changes.delete(made);
    if (of !== client) return null;
    if (!fault) take(made);
    render();
    return fault;
  };

  const recount = () => {
    clearTimeout(recounting);
    recounting = setTimeout(async () => {
      const of = client;
      const answer = counting && (await ask("GET", "/api/alarms/counts").catch(() => 0));
      if (!answer || of !== client) return;
      told = answer;
      tally();
    }, RECOUNT_MS);
  };

  const tally = () => {
    arrived = arrived.filter(({ id = 0 }) => id > told.cursor);
    for (const [key, store] of tallies) {
      let [unseen, unread] = [0, 0];
      for (const type of key.split(",")) {
        const mine = arrived.filter(({ alarmType }) => alarmType === type);
        unseen += (told.types[type]?.unseen ?? 0) + mine.filter(({ seenAt }) => !seenAt).length;
        unread += (told.types[type]?.unread ?? 0) + mine.filter(({ readAt }) => !readAt).length;
      }
      if (store.value.unseen !== unseen || store.value.unread !== unread) store.put({ unseen, unread });
    }
  };

  const hub = {
    hold,
    ask,
    change,
    changes,
    /** A hub of the version before does not know of several types in one request. */
    tellsTypes: () =>
      (known ??= ask("GET", "/api/alarms/counts").then(
        () => true,
        ({ status: code }) => code !== 404,
      )),
  };

  return {
    status,
    counts,
    /**
     * The counts of the alarms of these types.
     * @param {string[]} types
     */
    countsOf(...types) {
      const key = types.join();
      let store = tallies.get(key);
      if (!store) {
        store = watched(NONE, () => {
          const release = hold();
          counting += 1;
          recount();
          return () => {
            counting -= 1;
            release();
          };
        });
        tallies.set(key, store);
      }
      return store;
    },
    /**
     * The list of the alarms of these types, or of all; the same filter gives the same list.
     * @param {{ alarmType?: string | readonly string[], status?: string, limit?: number }} [filter]
     */
    inbox({ alarmType = [], status: which, limit = 20 } = {}) {
      const types = [alarmType].flat();
      const key = `${[which, limit, types]}`;
      let inbox = inboxes.get(key);
      if (!inbox) inboxes.set(key, (inbox = inboxOf(hub, types, which === "unread", limit)));
      return inbox;
    },
    /**
     * Tells each alarm that arrives.
     * @param {(alarm: Alarm, how: How) => void} hear
     */
    onAlarm: (hear) => alarms.subscribe(() => alarms.value && hear(...alarms.value)),
    get client() {
      return client;
    },
    request: ask,
    /** @param {boolean} [atHub] */
    signOut: async (atHub) => client?.signOut(atHub),
    close,
    /** Begins anew, as for another user. */
    restart() {
      close();
      if (holders) open();
    },
  };
}
