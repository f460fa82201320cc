// One list of alarms, as the hub has it, kept right by the stream while it is paged through. What this page changes shows
// at once, and goes back if the hub refuses it.

import { watched } from "./store.js";

/** @import { Alarm, AlarmId, InboxState, LocalChange, Timer } from "./wire.d.ts" */

/** @typedef {Map<AlarmId, Alarm>} Alarms */

/**
 * @typedef {object} Hub
 * @property {() => () => void} hold keeps the connection
 * @property {(method: string, path: string, body?: unknown) => Promise<any>} ask
 * @property {() => Promise<boolean>} tellsTypes
 * @property {Set<LocalChange>} changes those that are on their way to the hub
 * @property {(change: LocalChange, send: () => Promise<unknown>) => Promise<unknown>} change
 */

const GATHER_MS = 100;
const MOST = 100;

/** @type {InboxState} */
const NOTHING = { items: [], loading: true, hasMore: false, error: null };

/**
 * @param {Hub} hub
 * @param {string[]} types none means all
 * @param {boolean} unreadOnly
 * @param {number} limit
 */
export function inboxOf(hub, types, unreadOnly, limit) {
  /** @type {Alarms} what the hub has told, without the changes that are on their way to it */
  let base = new Map();
  /** @type {AlarmId | null} where the next page begins */
  let next = null;
  /** @type {LocalChange[]} what has happened since the pages that are on their way were asked for */
  let since = [];
  /** @type {Promise<void> | null} */
  let loading = null;
  let again = false;
  let loaded = false;
  let shown = false;
  /** @type {unknown} */
  let error = null;
  /** Another one once everything is forgotten. */
  let life = {};
  /** @type {Timer} */
  let gathering;

  const store = watched(NOTHING, () => {
    const release = hub.hold();
    shown = true;
    reload();
    return () => {
      shown = false;
      release();
    };
  });

  const render = () => {
    const alarms = new Map(base);
    for (const change of hub.changes) apply(alarms, change);
    const items = [...alarms.values()].filter(({ readAt }) => !readAt || !unreadOnly).sort((one, other) => idOf(other) - idOf(one));
    store.put({ items, loading: !loaded && !error, hasMore: next !== null, error });
  };

  /** @param {Alarm} alarm */
  const lists = ({ alarmType }) => !types[0] || types.includes(alarmType);

  /**
   * @param {AlarmId | null} before
   * @param {number} size
   * @param {boolean} unread
   * @returns {Promise<{ items: Alarm[], next: AlarmId | null }>}
   */
  const page = async (before, size, unread) => {
    // An older hub looks at the first type alone.
    const named = types[1] && !(await hub.tellsTypes()) ? [] : types;
    const query = new URLSearchParams([["limit", `${size}`], ["status", unread ? "unread" : "all"], ...named.map((type) => ["alarmType", type])]);
    if (before) query.set("before", `${before}`);
    const answer = await hub.ask("GET", `/api/alarms?${query}`);
    return { items: answer.items.filter(lists), next: answer.next };
  };

  /**
   * Fetches so many alarms and puts them in step with what came while they were on their way. One load at a time.
   * @param {AlarmId | null} before null: in place of all that is there
   * @param {number} wanted
   */
  const load = (before, wanted) => {
    const mine = life;
    /** @type {LocalChange[]} */
    const started = [];
    since = started;
    const run = async () => {
      /** @type {Alarms} */
      const fresh = new Map();
      let from = before;
      try {
        do {
          const answer = await page(from, Math.min(wanted, MOST), unreadOnly);
          for (const alarm of answer.items) fresh.set(idOf(alarm), alarm);
          from = answer.next;
        } while (from && fresh.size < wanted);
        if (mine !== life) return;
        for (const change of started) apply(fresh, change);
        base = before ? new Map([...fresh, ...base]) : fresh;
        next = from;
        loaded = true;
        error = null;
      } catch (fault) {
        if (mine === life) error = fault;
      }
      if (mine !== life) return;
      loading = null;
      render();
      if (again) await reload();
    };
    return (loading = run());
  };

  const reload = () => {
    again = loading !== null;
    return loading ?? load(null, Math.max(limit, base.size));
  };

  /**
   * @param {LocalChange} made
   * @param {() => Promise<unknown>} send
   */
  const change = async (made, send) => {
    const mine = life;
    const fault = await hub.change(made, send);
    if (mine === life) {
      error = fault;
      render();
    }
    return !fault;
  };

  const newest = () => store.value.items[0]?.id ?? 0;

  return Object.assign(store, {
    render,
    /** Fetches again what is shown. */
    reload: () => reload(),
    /** Adds the next page. */
    async more() {
      while (loading) await loading;
      if (next) await load(next, limit);
    },
    /** @param {AlarmId | Alarm} alarm @param {boolean} [read] */
    setRead(alarm, read = true) {
      const id = idOf(alarm);
      return change({ ids: [id], read }, () => hub.ask("POST", `/api/alarms/${id}/${read ? "read" : "unread"}`));
    },
    /** @param {AlarmId | Alarm} alarm */
    remove(alarm) {
      const id = idOf(alarm);
      return change({ ids: [id], deleted: true }, () => hub.ask("DELETE", `/api/alarms/${id}`));
    },
    /** Marks all of this list as read, up to the newest that is shown. */
    readAll() {
      const upTo = newest();
      return change({ upTo, read: true, types }, async () => {
        if (!types[0]) return hub.ask("POST", "/api/alarms/read", { upTo });
        for (let before = /** @type {AlarmId | null} */ (upTo + 1); before; ) {
          const answer = await page(before, MOST, true);
          for (const { id } of answer.items) await hub.ask("POST", `/api/alarms/${id}/read`);
          before = answer.next;
        }
      });
    },
    /** Marks all alarms as seen, up to the newest that is shown. */
    seen() {
      const upTo = newest();
      return change({ upTo, seen: true }, () => hub.ask("POST", "/api/alarms/seen", { upTo }));
    },
    /**
     * Something has happened at the hub.
     * @param {LocalChange} now
     */
    take(now) {
      if (!shown || (now.alarm && !lists(now.alarm))) return;
      since.push(now);
      // An alarm that is unread again may have been on no page that was asked for.
      if (now.read === false && now.ids?.some((id) => !base.has(id))) this.refresh();
      apply(base, now);
      render();
    },
    /** What is shown may be old. */
    refresh() {
      clearTimeout(gathering);
      gathering = setTimeout(() => shown && reload(), GATHER_MS);
    },
    /** Nothing of the user stays. */
    forget() {
      life = {};
      base = new Map();
      next = error = loading = null;
      again = loaded = false;
      store.put(NOTHING);
    },
  });
}

/** @param {AlarmId | Alarm} alarm */
function idOf(alarm) {
  return typeof alarm === "object" ? (alarm.id ?? 0) : alarm;
}

/**
 * @param {Alarms} alarms
 * @param {LocalChange} change
 */
function apply(alarms, { alarm, ids, upTo = 0, read, seen, deleted, expired, types = [] }) {
  if (alarm && !alarms.has(idOf(alarm))) alarms.set(idOf(alarm), alarm);
  for (const [id, known] of alarms) {
    if (!(ids ? ids.includes(id) : id <= upTo) || (types[0] && !types.includes(known.alarmType))) continue;
    if (deleted || expired) alarms.delete(id);
    else {
      const now = new Date().toISOString();
      alarms.set(id, { ...known, seenAt: known.seenAt || (seen || read ? now : null), readAt: read === false ? null : known.readAt || (read ? now : null) });
    }
  }
}
