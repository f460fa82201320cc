// The one connection of a browser: opened, watched, replaced before its token ends, and tried again. Streaming is what it
// wants; where streams are held back it polls, and tries streaming again now and then.

import { RequestError } from "./request.js";
import { lowest } from "./topic.js";
import { open } from "./ways.js";

/** @import { AlarmId, Bye, Connected, Timer, Way, WayName } from "./wire.d.ts" */
/** @import { Stream } from "./stream.js" */

// A stream's first event leaves at once. Where it is not here by then, something on the way collects before it passes on.
const CONNECT_DEADLINE_MS = 6_000;
// The stream says something at least every heartbeat; two and a half leave room for a slow network.
const SILENT_HEARTBEATS = 2.5;
// Streams in a row that fell silent right after `connect`, or never came to it: then polls are tried.
const MOST_FAILURES = 2;
const STREAM_AGAIN_MS = 30_000;
const STREAM_AGAIN_CAP_MS = 600_000;
const WATCH_EVERY_MS = 1_000;
// Timers of a tab in the background run once a minute.
const RENEW_BEFORE_MS = 90_000;
const RENEW_WAIT_MS = 1_000;

// Tabs that say hello together cause one new request, not one each.
const GATHER_MS = 40;
// A page that is left is usually followed by another: wait before giving its rooms up.
const SHRINK_MS = 1_500;

export class Source {
  /** @type {Map<string, string[]>} the rooms of each tab */
  #wanted = new Map();
  /** @type {string[] | null} the rooms of all */
  #rooms = null;
  /** @type {string[]} those that the hub does not know: the connection goes without them */
  #unknown = [];
  /** @type {AlarmId | null} */
  cursor = null;
  /** @type {AlarmId | null} where the next request starts, if before the cursor */
  #from = null;
  /** @type {Way | null} the one that is heard */
  #current = null;
  /** @type {Way | null} opened, but it has not said `connect` yet; the current one is heard until it does */
  #next = null;
  /** @type {WayName} */
  #way = "stream";
  #failures = 0;
  #retreats = 0;
  #heartbeat = 0;
  #renewAt = Infinity;
  /** @type {symbol | null} the latest attempt to open */
  #turn = null;
  /** @type {Timer} */
  #gathering;
  /** @type {Timer} */
  #returning;
  #watchdog = setInterval(() => this.#watch(), WATCH_EVERY_MS);
  #stream;

  /** @param {Stream} stream */
  constructor(stream) {
    this.#stream = stream;
  }

  /**
   * A tab needs these rooms, and what comes after its cursor; says whether it is a new one.
   * @param {string} tab
   * @param {string[]} rooms
   * @param {AlarmId | null} cursor
   */
  serve(tab, rooms, cursor) {
    const fresh = !this.#wanted.has(tab);
    this.#wanted.set(tab, rooms);
    if (cursor !== null && cursor < (this.cursor ?? Infinity)) this.#from = lowest([this.#from, cursor]);
    this.#gather(GATHER_MS);
    return fresh;
  }

  /** @param {string} tab */
  forget(tab) {
    if (this.#wanted.delete(tab)) this.#gather(SHRINK_MS);
  }

  /** @param {number} delay */
  #gather(delay) {
    clearTimeout(this.#gathering);
    this.#gathering = setTimeout(() => {
      const rooms = [...new Set([...this.#wanted.values()].flat())].sort();
      if (this.#rooms?.join() === rooms.join() && this.#from === null) return;
      this.#rooms = rooms;
      this.#unknown = [];
      this.#open(this.#way);
    }, delay);
  }

  /** @param {WayName} name */
  async #open(name) {
    const { identity, backoff } = this.#stream;
    backoff.stop();
    clearTimeout(this.#returning);
    const turn = (this.#turn = Symbol());
    let token;
    try {
      token = await identity.attempt();
    } catch (error) {
      if (turn === this.#turn) this.#unopened(error);
      return;
    }
    if (turn !== this.#turn || !this.#rooms) return;
    // What is heard meanwhile comes by the current one: where that stands is what a tab is told.
    const cursor = lowest([this.#from, this.cursor]);
    this.#next?.close();
    const rooms = this.#rooms.filter((room) => !this.#unknown.includes(room));
    const way = open(name, { identity, token, rooms, cursor }, {
      hear: (event, id, data) => this.#hear(way, event, id, data),
      fail: (error) => {
        this.#unknown = error.rooms ?? this.#unknown;
        this.#lost(way, error);
      },
    });
    way.rooms = this.#rooms;
    this.#next = way;
  }

  /**
   * @param {Way} way
   * @param {string} name
   * @param {AlarmId | null} id
   * @param {any} data
   */
  #hear(way, name, id, data) {
    if (way === this.#next && name === "connect") this.#replace(way, data);
    if (way === this.#next && name === "bye") return this.#dismissed(way, data);
    if (way !== this.#current) return;
    way.heardAt = Date.now();
    way.heard += 1;
    this.#renew();
    if (way.heard > 1 && way.name === "stream") this.#failures = this.#retreats = 0;
    if (name === "bye") return this.#dismissed(way, data);
    if (name === "connect") this.cursor = data.cursor;
    else if (name === "ping") this.cursor = Math.max(this.cursor ?? 0, data.cursor);
    else if (id !== null) this.cursor = id;
    this.#stream.publish(name, id, data, way.rooms);
    if (name === "connect" || name === "counts") this.#stream.publishStatus({ state: "live", way: way.name });
  }

  /**
   * The new connection lives: from here on it alone is heard. It starts at or before what the old one has brought, and
   * each listener knows what it has had.
   * @param {Way} way
   * @param {Connected} data
   */
  #replace(way, data) {
    const { identity, backoff } = this.#stream;
    try {
      identity.isOf(data.userId);
    } catch (error) {
      return this.#lost(way, error);
    }
    this.#current?.close();
    this.#current = way;
    this.#next = this.#from = null;
    this.#way = way.name;
    backoff.reset();
    const { lifeMs } = identity;
    this.#renewAt = Date.now() + (identity.renewable ? Math.max(RENEW_WAIT_MS, lifeMs - Math.min(RENEW_BEFORE_MS, lifeMs / 3)) : Infinity);
    if (way.name === "stream") this.#heartbeat = (data.heartbeatSeconds ?? 0) * 1_000;
    else this.#streamLater();
  }

  /** The next connection is open before the token of this one ends. */
  #renew() {
    if (!this.#current || Date.now() < this.#renewAt) return;
    this.#renewAt = Infinity;
    this.#open(this.#way);
  }

  /**
   * @param {Way} way
   * @param {Bye} bye
   */
  #dismissed(way, { reason, reconnect }) {
    const { identity, backoff } = this.#stream;
    // The next one is on its way.
    if (reason === "expired" && way === this.#current && this.#next) return this.#dropCurrent();
    this.#drop();
    if (!reconnect || (reason === "expired" && !identity.renewable)) return this.#stream.end({ code: reason, detail: "" });
    // A hub that stops sends everyone away at once; they must not come back at once.
    backoff.reset(reason === "slow" ? 0 : 1);
    this.#later(new RequestError(0, { code: reason, detail: "" }));
  }

  /**
   * The next connection did not come about. The current one, if there is one, goes on.
   * @param {unknown} error
   */
  #unopened(error) {
    this.#dropNext();
    if (!this.#current || this.#stream.identity.isOver(error)) {
      this.#drop();
      this.#later(error);
    } else if (this.#current.name === "polls") this.#streamLater();
    else this.#stream.backoff.later(() => this.#open(this.#way));
  }

  /**
   * @param {Way} way
   * @param {unknown} error
   */
  #lost(way, error) {
    if (way !== this.#current && way !== this.#next) return;
    const neverLived = way === this.#next;
    if (neverLived && this.#current) return this.#unopened(error);
    const heldBack = neverLived && way.name === "stream" && !(error instanceof RequestError && error.code);
    if (heldBack) this.#failures += 1;
    this.#drop();
    if (heldBack && this.#failures >= MOST_FAILURES && navigator.onLine) {
      this.#failures = 0;
      this.#open("polls");
    } else {
      this.#way = neverLived ? "stream" : way.name;
      this.#later(error);
    }
  }

  #streamLater() {
    const ceiling = Math.min(STREAM_AGAIN_CAP_MS, STREAM_AGAIN_MS * 2 ** this.#retreats);
    this.#retreats += 1;
    clearTimeout(this.#returning);
    this.#returning = setTimeout(() => this.#open("stream"), (ceiling * (1 + Math.random())) / 2);
  }

  /** @param {unknown} error */
  #later(error) {
    this.#stream.failed(error, () => this.#open(this.#way));
  }

  /** The person asks, or is back: no waiting any more, and no trust in a stream that has been silent. */
  nudge() {
    if (!this.#stream.backoff.now()) this.#watch();
  }

  /** The machine or its network was away: what was open may be dead without anybody having been told. */
  wake() {
    if (this.#rooms === null) return;
    this.#stream.backoff.reset();
    this.#stream.publishStatus({ state: "waiting", retryAt: Date.now(), code: "unreachable", detail: "" });
    this.#open("stream");
  }

  #watch() {
    this.#renew();
    const [current, next] = [this.#current, this.#next];
    const now = Date.now();
    if (next?.name === "stream" && now - next.heardAt > CONNECT_DEADLINE_MS) return this.#heldBack();
    if (current?.name !== "stream" || !this.#heartbeat || now - current.heardAt <= this.#heartbeat * SILENT_HEARTBEATS) return;
    // A stream that never said more than `connect` may be held back as well, after its first bytes.
    if (current.heard === 1) this.#failures += 1;
    this.#drop();
    if (this.#failures >= MOST_FAILURES) this.#way = "polls";
    this.#later(new TypeError());
  }

  /** The request for a stream is open, and nothing comes. If a poll is answered, it is the streaming that is blocked. */
  #heldBack() {
    if (this.#current) return this.#unopened(new TypeError());
    this.#drop();
    this.#way = "stream";
    this.#open("polls");
  }

  #dropNext() {
    this.#next?.close();
    this.#next = null;
  }

  #dropCurrent() {
    this.#current?.close();
    this.#current = null;
  }

  #drop() {
    this.#turn = null;
    clearTimeout(this.#returning);
    this.#dropNext();
    this.#dropCurrent();
  }

  close() {
    this.#drop();
    this.#rooms = null;
    clearTimeout(this.#gathering);
    this.#stream.backoff.stop();
    clearInterval(this.#watchdog);
  }
}
