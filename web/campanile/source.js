// The one connection of a browser: opened, watched, replaced and tried again. Streaming is what it wants; where streams
// are held back it polls, and tries streaming again now and then.

import { request, RequestError, tokenOf } from "./request.js";
import { lowest, toId } from "./topic.js";
import { openPolls, openStream } from "./ways.js";

/** @import { AlarmId, Bye, Connected, Timer, Way, WayName } from "./wire.d.ts" */
/** @import { Stream } from "./stream.js" */

const BACKOFF_BASE_MS = 1_000;
const BACKOFF_CAP_MS = 30_000;
// A stream's first event leaves at once. Where it is not here by then, something on the way collects before it passes on.
const CONNECT_DEADLINE_MS = 6_000;
// The stream says something at least every second heartbeat; two and a half leave room for a slow network.
const SILENT_HEARTBEATS = 2.5;
// Streams in a row that fell silent right after `connect`, or never came to it: then polls are tried.
const MOST_FAILURES = 2;
const STREAM_AGAIN_MS = 30_000;
const STREAM_AGAIN_CAP_MS = 600_000;
const WATCH_EVERY_MS = 1_000;

export class Source {
  ended = false;
  /** @type {string[] | null} */
  #rooms = null;
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
  #attempts = 0;
  #failures = 0;
  #retreats = 0;
  #heartbeat = 0;
  /** @type {symbol | null} the latest attempt to open */
  #turn = null;
  /** @type {Timer} */
  #retrying;
  /** @type {Timer} */
  #returning;
  #watchdog = setInterval(() => this.#watch(), WATCH_EVERY_MS);
  #stream;

  /** @param {Stream} stream */
  constructor(stream) {
    this.#stream = stream;
  }

  /**
   * The next request starts no later than here.
   * @param {AlarmId | null} cursor
   */
  wantFrom(cursor) {
    if (cursor === null) return;
    if (this.cursor === null || cursor < this.cursor) this.#from = lowest([this.#from, cursor]);
  }

  /** @param {string[]} rooms */
  want(rooms) {
    const same = this.#rooms !== null && this.#rooms.join() === rooms.join() && this.#from === null;
    this.#rooms = rooms;
    if (!same && !this.ended) this.#open(this.#way);
  }

  /** @param {WayName} name */
  async #open(name) {
    clearTimeout(this.#retrying);
    clearTimeout(this.#returning);
    const turn = (this.#turn = Symbol());
    const { hub, token } = this.#stream;
    const ready = name === "stream" ? await tokenOf(token).catch(() => null) : token;
    if (turn !== this.#turn || !this.#rooms) return;
    this.cursor = lowest([this.#from, this.cursor]);
    this.#from = null;
    this.#next?.close();
    const place = { hub, token: ready, rooms: this.#rooms, cursor: this.cursor };
    const way = (name === "stream" ? openStream : openPolls)(place, {
      hear: (event, id, data) => this.#hear(way, event, id, data),
      fail: (error) => this.#lost(way, error),
    });
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
    if (way === this.#next && name === "bye") return this.#dismissed(data);
    if (way !== this.#current) return;
    way.heardAt = Date.now();
    way.heard += 1;
    if (way.heard > 1 && way.name === "stream") this.#failures = this.#retreats = 0;
    if (name === "bye") return this.#dismissed(data);
    if (name === "connect") this.cursor = data.cursor;
    else if (name === "ping") this.cursor = Math.max(this.cursor ?? 0, toId(data.cursor) ?? 0);
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
    this.#current?.close();
    this.#current = way;
    this.#next = null;
    this.#way = way.name;
    this.#attempts = 0;
    if (way.name === "stream") this.#heartbeat = (data.heartbeatSeconds ?? 0) * 1_000;
    else this.#streamLater();
  }

  /** @param {Bye} bye */
  #dismissed({ reason, reconnect }) {
    this.#drop();
    if (!reconnect || (reason === "expired" && typeof this.#stream.token !== "function")) return this.#end(reason);
    // A hub that stops sends everyone away at once; they must not come back at once.
    this.#attempts = reason === "slow" ? 0 : 1;
    this.#later();
  }

  /**
   * @param {Way} way
   * @param {unknown} error
   */
  async #lost(way, error) {
    if (way !== this.#current && way !== this.#next) return;
    if (way === this.#next && this.#current?.name === "polls") return this.#stay();
    const neverLived = way === this.#next;
    if (neverLived && way.name === "stream") this.#failures += 1;
    this.#drop();
    if (neverLived && way.name === "stream" && this.#failures >= MOST_FAILURES && navigator.onLine) {
      this.#failures = 0;
      this.#open("polls");
    } else {
      this.#way = neverLived ? "stream" : way.name;
      this.#later();
    }
    // EventSource does not tell why. Somebody who is signed out must not knock for ever.
    const { hub, token } = this.#stream;
    const why = neverLived && way.name === "stream" ? await request(hub, token, "GET", "/api/auth/me").catch((answer) => answer) : error;
    if (why instanceof RequestError && (why.status === 401 || why.status === 403) && typeof token !== "function") this.#end("logout");
  }

  /** Streaming was tried once more in vain: the polls go on. */
  #stay() {
    this.#next?.close();
    this.#next = null;
    this.#streamLater();
  }

  #streamLater() {
    const ceiling = Math.min(STREAM_AGAIN_CAP_MS, STREAM_AGAIN_MS * 2 ** this.#retreats);
    this.#retreats += 1;
    clearTimeout(this.#returning);
    this.#returning = setTimeout(() => this.#open("stream"), ceiling * (0.5 + Math.random() / 2));
  }

  #later() {
    const ceiling = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** this.#attempts);
    const delay = 100 + Math.random() * ceiling;
    this.#attempts += 1;
    clearTimeout(this.#retrying);
    this.#retrying = setTimeout(() => this.#open(this.#way), delay);
    this.#stream.publishStatus({ state: "waiting", retryAt: Date.now() + delay });
  }

  /** The person asks, or is back: no waiting any more, and no trust in a stream that has been silent. */
  nudge() {
    if (this.ended || this.#rooms === null) return;
    if (!this.#current && !this.#next) this.#open("stream");
    else this.#watch();
  }

  /** The machine or its network was away: what was open may be dead without anybody having been told. */
  wake() {
    if (this.ended || this.#rooms === null) return;
    this.#attempts = 0;
    this.#stream.publishStatus({ state: "waiting", retryAt: Date.now() });
    this.#open("stream");
  }

  #watch() {
    const [current, next] = [this.#current, this.#next];
    const now = Date.now();
    if (next?.name === "stream" && now - next.openedAt > CONNECT_DEADLINE_MS) return this.#heldBack();
    if (current?.name !== "stream" || !this.#heartbeat || now - current.heardAt <= this.#heartbeat * SILENT_HEARTBEATS) return;
    // A stream that never said more than `connect` may be held back as well, after its first bytes.
    if (current.heard === 1) this.#failures += 1;
    this.#drop();
    if (this.#failures >= MOST_FAILURES) this.#way = "polls";
    this.#later();
  }

  /** The request for a stream is open, and nothing comes. If a poll is answered, it is the streaming that is blocked. */
  #heldBack() {
    if (this.#current?.name === "polls") return this.#stay();
    this.#drop();
    this.#way = "stream";
    this.#open("polls");
  }

  #drop() {
    this.#turn = null;
    clearTimeout(this.#returning);
    this.#next?.close();
    this.#next = null;
    this.#current?.close();
    this.#current = null;
  }

  /** @param {string} reason */
  #end(reason) {
    this.ended = true;
    this.close();
    this.#stream.publishStatus({ state: "ended", reason });
  }

  close() {
    this.#drop();
    clearTimeout(this.#retrying);
    clearInterval(this.#watchdog);
  }
}
