// The state of one `connect()` of a page: its user, the tab that holds the connection, the wishes of the tabs, and the
// events that this page receives.

import { Backoff } from "./backoff.js";
import { Tally } from "./counts.js";
import { Identity } from "./identity.js";
import { call } from "./callback.js";
import { watchPage } from "./page.js";
import { causeOf, refuses, RequestError } from "./request.js";
import { Source } from "./source.js";
import { Tabs } from "./tabs.js";
import { roomOf, toId, toRooms } from "./topic.js";

/** @import { Alarm, AlarmId, Cause, Client, Connected, ConnectOptions, Counts, Rooms, Status, Timer } from "./wire.d.ts" */

// Tabs of another version of this module speak otherwise.
const PROTOCOL = 2;
const RECOUNT_MS = 300;
// The leader may be a tab in the background, whose timers the browser runs once a minute.
const OVERDUE_MS = 2_000;

export class Stream {
  backoff = new Backoff();
  identity;
  /** @type {ConnectOptions} whom it tells */
  #on;
  /** @type {string[]} */
  #own;
  /** @type {AlarmId | null} */
  #cursor;
  /** True if the next event follows directly on the events received so far. */
  #fed = false;
  /** Events up to this id were missed and are not new. */
  #missedUpTo = 0;
  #tally = new Tally((counts) => call(this.#on.onCounts, counts));
  /** @type {Status} */
  #status = { state: "connecting" };
  #everLive = false;
  /** @type {Source | null} the connection, if this tab leads */
  #source = null;
  /** @type {Tabs | null} */
  #tabs = null;
  /** Ends with the client. */
  #life = new AbortController();
  /** Ends when the page is left. */
  #visit = new AbortController();
  /** @type {Timer} */
  #recounting;

  /**
   * @param {string} hub
   * @param {ConnectOptions} options
   */
  constructor(hub, options) {
    this.identity = new Identity(hub, options);
    this.#on = options;
    this.#own = toRooms(options.rooms);
    this.#cursor = toId(options.cursor);
    if (options.counts) this.#tally.put(options.counts, this.#cursor ?? 0);
    this.#setStatus(this.#status);
    this.#watchPage();
    this.#meet();
  }

  /** @returns {Client} */
  client() {
    const stream = this;
    return {
      close: () => this.#close(),
      setRooms: (rooms) => this.#setRooms(rooms),
      retry: () => this.#stir("nudge"),
      request: (method, path, body) => this.#request(method, path, body),
      signOut: (atHub = true) => this.#signOut(atHub),
      get userId() {
        return stream.identity.userId;
      },
      get cursor() {
        return stream.#cursor;
      },
      get counts() {
        return stream.#tally.counts;
      },
      get status() {
        return stream.#status;
      },
    };
  }

  #watchPage() {
    /** @type {import("./page.js").Page} */
    const page = {
      gone: () => this.#leave(),
      shown: () => this.#meet(),
      woke: () => this.#stir("wake"),
      seen: () => this.#stir("nudge"),
      ticked: (now) => this.#status.state === "waiting" && now > this.#status.retryAt + OVERDUE_MS && this.#stir("nudge"),
    };
    watchPage(page, this.#life.signal);
  }

  // --- who it is ----------------------------------------------------------------------------------------------------

  /** Asks the hub who this is: only then it is known whose tabs these are. */
  async #meet() {
    const { signal } = (this.#visit = new AbortController());
    try {
      await this.identity.meet();
      if (!signal.aborted) this.#enter();
    } catch (error) {
      if (!signal.aborted) this.failed(error, () => this.#meet());
    }
  }

  #enter() {
    const { hub, userId } = this.identity;
    this.backoff.reset();
    // A hub that does not say whose stream it is: then no other tab's can be this one's.
    this.#tabs = new Tabs(`campanile/${PROTOCOL} ${hub} ${userId ?? Math.random()}`, this);
  }

  /** The page is left: it may be shown again. */
  #leave() {
    this.#visit.abort();
    this.follow();
    this.#tabs?.close();
    this.#tabs = null;
    this.backoff.stop();
    clearTimeout(this.#recounting);
    this.#status = { state: "connecting" };
  }

  #close() {
    this.#leave();
    this.#life.abort();
    this.#on = {};
  }

  /**
   * An attempt failed: it is over, or tried again after a pause.
   * @param {unknown} error
   * @param {() => void} again
   */
  failed(error, again) {
    const cause = causeOf(error);
    if (this.identity.isOver(cause)) return this.end(cause);
    const retryAt = this.backoff.later(again);
    const status = { state: /** @type {"waiting"} */ ("waiting"), retryAt, ...cause };
    this.publishStatus(status);
    if (this.#everLive || error instanceof RequestError) return;
    refuses(this.identity.hub).then((refused) => refused && this.#status === status && this.publishStatus({ ...status, code: "origin", detail: "CAMPANILE_CORS_ORIGINS" }));
  }

  /**
   * The stream will not come back by itself, and nothing of its user stays.
   * @param {Cause} cause
   */
  end({ code, detail }) {
    const { onStatus } = this.#on;
    // These are of the user, in whatever tab; the others are of this page.
    if (["logout", "kicked", "account_disabled"].includes(code)) this.#tabs?.tell({ kind: "ended", code, detail });
    this.#close();
    this.identity.end();
    this.#tally.forget();
    this.#cursor = null;
    call(onStatus, (this.#status = { state: "ended", code, reason: code, detail }));
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   */
  async #request(method, path, body) {
    if (this.#status.state === "ended") throw new RequestError(401, this.#status);
    const { signal } = this.#life;
    try {
      return await this.identity.request(method, path, body);
    } catch (error) {
      if (!signal.aborted && this.identity.isOver(error)) this.end(causeOf(error));
      throw error;
    }
  }

  /** @param {boolean} atHub whether its session there ends, too */
  async #signOut(atHub) {
    if (this.#status.state === "ended") return;
    const told = atHub ? this.#request("POST", "/api/auth/logout") : null;
    this.end({ code: "logout", detail: "" });
    await told;
  }

  // --- who holds the connection -------------------------------------------------------------------------------------

  lead() {
    this.#source = new Source(this);
    this.met();
  }

  follow() {
    this.#source?.close();
    this.#source = null;
    // Until the leader knows this tab, events may be missing before those that arrive.
    this.#fed = false;
  }

  /** Tells the leader, which may be this tab, what this tab needs. */
  met() {
    if (!this.#tabs) return;
    const hello = { kind: "hello", tab: this.#tabs.tab, rooms: this.#own, cursor: this.#cursor };
    if (this.#tabs.leading) this.#welcome(hello);
    else this.#tabs.tell(hello);
  }

  /** @param {Rooms} rooms */
  #setRooms(rooms) {
    this.#own = toRooms(rooms);
    this.met();
  }

  /** @param {{ tab: string, rooms: string[], cursor: AlarmId | null }} hello */
  #welcome({ tab, rooms, cursor }) {
    if (!this.#source || !this.#tabs) return;
    const position = this.#source.cursor;
    const fresh = this.#source.serve(tab, rooms, cursor);
    if (tab === this.#tabs.tab) return this.#feed(position);
    if (fresh) this.#tabs.outlive(tab, () => this.#source?.forget(tab));
    this.#tabs.tell({ kind: "welcome", to: tab, position, counts: this.#tally.counts, head: this.#tally.head, status: this.#status });
  }

  /**
   * From here on a listener that knows everything up to this position hears all that follows. One that is behind waits
   * for a connection that starts where it stands: what it hears before that has a hole in front of it.
   * @param {AlarmId | null} position
   */
  #feed(position) {
    if (position === null || (this.#cursor ?? position) < position) return;
    this.#fed = true;
    this.#cursor ??= position;
  }

  /** @param {any} message */
  heard(message) {
    switch (message.kind) {
      case "event": return this.#deliver(message);
      case "status": return this.#setStatus(message.status);
      case "hello": return this.#welcome(message);
      case "goodbye": return this.#source?.forget(message.tab);
      case "nudge":
      case "wake": return this.#source && this.#stir(message.kind);
      case "welcome": return message.to === this.#tabs?.tab && this.#welcomed(message);
      case "ended": return this.end(message);
    }
  }

  /** @param {{ position: AlarmId | null, counts: Counts | null, head: AlarmId, status: Status }} welcome */
  #welcomed({ position, counts, head, status }) {
    this.#feed(position);
    if (counts) this.#tally.take({ ...counts, head });
    this.#setStatus(status);
  }

  /** @param {"nudge" | "wake"} how */
  #stir(how) {
    if (how === "wake") this.backoff.reset();
    if (!this.#tabs) this.backoff.now();
    else if (this.#source) {
      this.#tabs.beat();
      this.#source[how]();
    } else this.#tabs.ask(how);
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
    if (data?.heartbeatSeconds) this.#tabs?.everyHeartbeat(data.heartbeatSeconds * 1_000);
    this.#tabs?.tell({ kind: "event", ...event });
    this.#deliver(event);
  }

  /** @param {Status} status */
  publishStatus(status) {
    if (this.#source) this.#tabs?.tell({ kind: "status", status });
    this.#setStatus(status);
  }

  /** @param {{ name: string, id: AlarmId | null, data: any, carried: string[] }} event */
  #deliver({ name, id, data, carried }) {
    switch (name) {
      case "connect": return this.#connected(data);
      case "alarm": return this.#alarmed(id, data, carried);
      case "message": return this.#advance(id, carried) && this.#wants(roomOf(data)) && call(this.#on.onMessage, data, this.#how(id));
      case "state": return this.#changed(data);
      case "counts": return this.#tally.take(data);
      case "presence": return this.#wants(data.roomId) && call(this.#on.onPresence, data);
      case "ping": return this.#advance(data.cursor, carried);
      case "session":
        return data.ended === this.identity.session && this.end({ code: "logout", detail: "" });
    }
  }

  /** @param {Connected} data */
  #connected(data) {
    // If nothing was missed before, the replayed events count as new: a connection was only replaced.
    if (!this.#fed || this.#status.state !== "live") this.#missedUpTo = data.head;
    this.#tally.put(data, data.head);
    this.#fed = data.gap || (this.#cursor ?? data.cursor) >= data.cursor;
    // Ids start again below what was known when the hub was given another database.
    if (data.gap) this.#cursor = data.cursor;
    this.#cursor ??= data.head;
    call(this.#on.onConnect, data);
    if (data.gap) call(this.#on.onGap);
    if (!this.#fed) this.met();
  }

  /** @param {string} room */
  #wants(room) {
    return this.#own.includes(room) || this.#own.includes("all");
  }

  /**
   * Moves on, and says whether this had not been had. While the connection does not carry all rooms yet, nothing moves:
   * what is missed meanwhile is replayed.
   * @param {AlarmId | null} id
   * @param {string[]} carried
   */
  #advance(id, carried) {
    if (!this.#fed || id === null || id <= (this.#cursor ?? -1)) return false;
    if (!carried.includes("all") && !this.#own.every((room) => carried.includes(room))) return false;
    this.#cursor = id;
    return true;
  }

  /** @param {AlarmId | null} id */
  #how(id) {
    return { replayed: (id ?? 0) <= this.#missedUpTo };
  }

  /**
   * @param {AlarmId | null} id
   * @param {Alarm} alarm
   * @param {string[]} carried
   */
  #alarmed(id, alarm, carried) {
    if (id === null) return;
    this.#tally.arrived(id, alarm);
    if (this.#advance(id, carried)) call(this.#on.onAlarm, alarm, this.#how(id));
  }

  /** @param {any} data */
  #changed(data) {
    if (!this.#tally.take(data)) this.#recount();
    call(this.#on.onState, data);
  }

  #recount() {
    clearTimeout(this.#recounting);
    this.#recounting = setTimeout(async () => {
      const { signal } = this.#visit;
      const answer = await this.#request("GET", "/api/alarms?limit=1").catch(() => null);
      if (answer && !signal.aborted) this.#tally.take({ ...answer.meta, head: answer.meta.cursor });
    }, RECOUNT_MS);
  }

  /** @param {Status} status */
  #setStatus(status) {
    this.#everLive ||= status.state === "live";
    this.#status = status;
    call(this.#on.onStatus, status);
  }
}
