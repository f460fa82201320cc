// What one user's browser follows: which tab holds the connection, what the other tabs want of it, and who of this tab
// is told what. Without Web Locks or BroadcastChannel every tab holds its own.

import { advance, call, wants } from "./listener.js";
import { hold } from "./lock.js";
import { newId, request, subjectOf } from "./request.js";
import { Source } from "./source.js";
import { lowest, roomOf, toId, toRooms } from "./topic.js";

/** @import { Alarm, AlarmId, Client, Connected, ConnectOptions, Counts, Listener, Status, Timer, Token } from "./wire.d.ts" */

// Tabs that say hello together cause one new request, not one each.
const GATHER_MS = 40;
// A page that is left is usually followed by another: wait before giving its rooms up.
const SHRINK_MS = 1_500;
const RECOUNT_MS = 300;
// A timer this late was not late: the machine slept. Tabs in the background run theirs once a minute, so it counts in front only.
const TICK_MS = 2_000;
const SLEPT_MS = 10_000;

export class Stream {
  /** @type {Set<Listener>} */
  #listeners = new Set();
  #tab = newId();
  /** @type {Map<string, string[]>} the rooms of each tab, known to the leader */
  #tabs = new Map();
  /** @type {Counts | null} */
  #counts = null;
  /** The last id that the counts count. */
  #head = 0;
  /** The head when the connection began: what comes up to here was missed, not new. */
  #missedUpTo = 0;
  /** @type {Status} */
  #status = { state: "connecting" };
  #leading = false;
  #started = false;
  /** @type {Source | null} */
  #source = null;
  /** @type {BroadcastChannel | null} */
  #channel = null;
  #ending = new AbortController();
  /** @type {Timer} */
  #gathering;
  /** @type {Timer} */
  #recounting;
  /** What tabs share it under. */
  #key = "";

  /**
   * @param {string} hub
   * @param {string | null} user
   * @param {Token} token
   */
  constructor(hub, user, token) {
    this.hub = hub;
    this.user = user;
    this.token = token;
    this.#watchPage();
  }

  #watchPage() {
    addEventListener("pagehide", () => this.#stop());
    addEventListener("pageshow", (event) => event.persisted && this.#listeners.size && this.#start());
    addEventListener("online", () => this.#wake());
    document.addEventListener("resume", () => this.#wake());
    document.addEventListener("visibilitychange", () => !document.hidden && this.#nudge());
    let ticked = Date.now();
    setInterval(() => {
      const now = Date.now();
      const slept = now - ticked > TICK_MS + SLEPT_MS;
      ticked = now;
      if (document.hidden) return;
      if (slept) this.#wake();
      // The leader may be a tab in the background, whose timers the browser runs once a minute.
      else if (this.#status.state === "waiting" && now > this.#status.retryAt + TICK_MS) this.#nudge();
    }, TICK_MS);
  }

  /**
   * @param {ConnectOptions} options
   * @returns {Client}
   */
  join(options) {
    /** @type {Listener} */
    const listener = { on: options, rooms: toRooms(options.rooms), cursor: toId(options.cursor), fed: false };
    this.#listeners.add(listener);
    if (!this.#counts && options.counts) {
      this.#counts = options.counts;
      this.#head = listener.cursor ?? 0;
    }
    if (this.#started) this.#hello();
    else this.#start();
    if (this.#counts) call(options.onCounts, this.#counts);
    call(options.onStatus, this.#status);
    const stream = this;
    return {
      close: () => this.#leave(listener),
      setRooms: (rooms) => {
        listener.rooms = toRooms(rooms);
        this.#hello();
      },
      retry: () => this.#nudge(),
      get cursor() {
        return listener.cursor;
      },
      get counts() {
        return stream.#counts;
      },
      get status() {
        return stream.#status;
      },
    };
  }

  /** @param {Listener} listener */
  #leave(listener) {
    this.#listeners.delete(listener);
    if (this.#listeners.size) this.#hello();
    else this.#stop();
  }

  // --- who holds the connection -------------------------------------------------------------------------------------

  async #start() {
    if (this.#started) return;
    this.#started = true;
    const { signal } = (this.#ending = new AbortController());
    // Tabs signed in as different people must not hear each other.
    const user = this.user ?? (await subjectOf(this.hub, this.token).catch(() => null));
    if (signal.aborted) return;
    if (!user || !navigator.locks || !window.BroadcastChannel) {
      this.#lead();
      return;
    }
    this.#key = `campanile ${this.hub} ${user}`;
    this.#channel = new BroadcastChannel(this.#key);
    this.#channel.onmessage = (event) => this.#heard(event.data);
    // Whoever asks for this lock later learns that this tab is gone, even if it crashed.
    hold(`${this.#key} tab ${this.#tab}`, signal, () => this.#hello());
    hold(this.#key, signal, () => this.#lead());
  }

  #stop() {
    if (!this.#started) return;
    this.#started = false;
    this.#leading = false;
    this.#source?.close();
    this.#source = null;
    clearTimeout(this.#gathering);
    this.#tell({ kind: "goodbye" });
    this.#channel?.close();
    this.#channel = null;
    this.#ending.abort();
    this.#tabs.clear();
    // A page that is shown again has missed what came meanwhile.
    this.#each((one) => (one.fed = false));
  }

  #lead() {
    if (!this.#started) return;
    this.#leading = true;
    this.#source = new Source(this);
    this.#tell({ kind: "leader" });
    this.#hello();
  }

  /** Tells the leader, which may be this tab, what this tab needs. */
  #hello() {
    const rooms = [...new Set([...this.#listeners].flatMap((listener) => listener.rooms))];
    const cursor = lowest([...this.#listeners].map((listener) => listener.cursor));
    if (this.#leading) this.#welcome({ tab: this.#tab, rooms, cursor });
    else this.#tell({ kind: "hello", rooms, cursor });
  }

  /** @param {{ tab: string, rooms: string[], cursor: AlarmId | null }} hello */
  #welcome({ tab, rooms, cursor }) {
    if (!this.#source) return;
    const known = this.#tabs.has(tab);
    this.#tabs.set(tab, rooms);
    if (!known && tab !== this.#tab) {
      hold(`${this.#key} tab ${tab}`, this.#ending.signal, () => this.#forget(tab), { release: true });
      // A page that opens now has a session, whatever ended the one before.
      if (this.#source.ended) this.#source = new Source(this);
    }
    const position = this.#source.cursor;
    this.#source.wantFrom(cursor);
    this.#gather(GATHER_MS);
    if (tab === this.#tab) this.#feed(position);
    else this.#tell({ kind: "welcome", to: tab, position, counts: this.#counts, head: this.#head, status: this.#status });
  }

  /**
   * From here on a listener that knows everything up to this position hears all that follows. One that is behind waits
   * for a connection that starts where it stands: what it hears before that has a hole in front of it.
   * @param {AlarmId | null} position
   */
  #feed(position) {
    this.#each((one) => (one.fed ||= position !== null && (one.cursor ?? position) >= position));
  }

  /** @param {string} tab */
  #forget(tab) {
    if (this.#tabs.delete(tab)) this.#gather(SHRINK_MS);
  }

  /** @param {number} delay */
  #gather(delay) {
    clearTimeout(this.#gathering);
    this.#gathering = setTimeout(() => {
      const rooms = [...new Set([...this.#tabs.values()].flat())].sort();
      this.#source?.want(rooms);
    }, delay);
  }

  /** @param {Record<string, unknown>} message */
  #tell(message) {
    this.#channel?.postMessage({ ...message, tab: this.#tab });
  }

  /** @param {any} message */
  #heard(message) {
    switch (message.kind) {
      case "event": return this.#leading || this.#deliver(message);
      case "status": return this.#leading || this.#setStatus(message.status);
      case "leader": return this.#hello();
      case "hello": return this.#leading && this.#welcome(message);
      case "goodbye": return this.#leading && this.#forget(message.tab);
      case "nudge": return this.#leading && this.#nudge();
      case "wake": return this.#leading && this.#wake();
      case "welcome": return message.to === this.#tab && this.#welcomed(message);
    }
  }

  /** @param {{ position: AlarmId | null, counts: Counts | null, head: AlarmId, status: Status }} welcome */
  #welcomed({ position, counts, head, status }) {
    this.#feed(position);
    if (counts) this.#counted({ ...counts, head });
    this.#setStatus(status);
  }

  #nudge() {
    if (this.#leading) this.#source?.nudge();
    else this.#tell({ kind: "nudge" });
  }

  #wake() {
    if (this.#leading) this.#source?.wake();
    else this.#tell({ kind: "wake" });
  }

  // --- what comes from it -------------------------------------------------------------------------------------------

  /**
   * An event of the leader's source: for the other tabs, and for this one.
   * @param {string} name
   * @param {AlarmId | null} id
   * @param {any} data
   * @param {string[]} carried the rooms of the connection it came by
   */
  publish(name, id, data, carried) {
    const event = { name, id, data, carried };
    this.#tell({ kind: "event", ...event });
    this.#deliver(event);
  }

  /** @param {Status} status */
  publishStatus(status) {
    this.#tell({ kind: "status", status });
    this.#setStatus(status);
  }

  /** @param {{ name: string, id: AlarmId | null, data: any, carried: string[] }} event */
  #deliver({ name, id, data, carried }) {
    switch (name) {
      case "connect": return this.#connected(data);
      case "alarm": return this.#alarmed(id, data, carried);
      case "message": return this.#messaged(id, data, carried);
      case "state": return this.#changed(data);
      case "counts": return this.#counted(data);
      case "presence": return this.#each((one) => wants(one, data.roomId) && call(one.on.onPresence, data));
      case "ping": return this.#each((one) => advance(one, toId(data.cursor), carried));
    }
  }

  /** @param {Connected} data */
  #connected(data) {
    this.#head = data.head;
    this.#missedUpTo = data.head;
    this.#setCounts(data);
    let behind = false;
    this.#each((one) => {
      one.fed = data.gap || (one.cursor ?? data.cursor) >= data.cursor;
      behind ||= !one.fed;
      // Ids start again below what a listener knows when the hub was given another database.
      if (data.gap) one.cursor = data.cursor;
      one.cursor ??= data.head;
      call(one.on.onConnect, data);
      if (data.gap) call(one.on.onGap);
    });
    if (behind) this.#hello();
  }

  /**
   * @param {AlarmId | null} id
   * @param {Alarm} alarm
   * @param {string[]} carried
   */
  #alarmed(id, alarm, carried) {
    if (id === null) return;
    const replayed = id <= this.#missedUpTo;
    if (id > this.#head && this.#counts) {
      this.#head = id;
      this.#setCounts({
        unseen: this.#counts.unseen + (alarm.seenAt ? 0 : 1),
        unread: this.#counts.unread + (alarm.readAt ? 0 : 1),
      });
    }
    this.#each((one) => advance(one, id, carried) && call(one.on.onAlarm, alarm, { replayed }));
  }

  /**
   * @param {AlarmId | null} id
   * @param {Alarm} message
   * @param {string[]} carried
   */
  #messaged(id, message, carried) {
    const replayed = id !== null && id <= this.#missedUpTo;
    this.#each((one) => advance(one, id, carried) && wants(one, roomOf(message)) && call(one.on.onMessage, message, { replayed }));
  }

  /** @param {any} data */
  #changed(data) {
    // Counts taken before an alarm that was already added here would lose it.
    if (!this.#counted(data)) this.#recount();
    this.#each((one) => call(one.on.onState, data));
  }

  /** @param {Counts & { head: AlarmId }} counts */
  #counted({ head, ...counts }) {
    if (head < this.#head) return false;
    this.#head = head;
    this.#setCounts(counts);
    return true;
  }

  #recount() {
    clearTimeout(this.#recounting);
    this.#recounting = setTimeout(async () => {
      const answer = await request(this.hub, this.token, "GET", "/api/alarms?limit=1").catch(() => null);
      if (answer) this.#counted({ ...answer.meta, head: answer.meta.cursor });
    }, RECOUNT_MS);
  }

  /** @param {Counts} counts */
  #setCounts({ unseen, unread }) {
    const counts = { unseen: Math.max(0, unseen), unread: Math.max(0, unread) };
    this.#counts = counts;
    this.#each((one) => call(one.on.onCounts, counts));
  }

  /** @param {Status} status */
  #setStatus(status) {
    this.#status = status;
    this.#each((one) => call(one.on.onStatus, status));
  }

  /** @param {(listener: Listener) => unknown} visit */
  #each(visit) {
    for (const listener of [...this.#listeners]) visit(listener);
  }
}
