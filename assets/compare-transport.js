// The base of the five transports of /api/stream on /compare: their requests, the counts of received alarms and bytes,
// and the result of a cut.

import { whyOf } from "./refused.js";

const HEADER_BYTES = 300; // The size that Resource Timing assumes for the header of a response.
const RETRY_MS = [500, 1_500];
const HISTORY = 5_000;

const encoder = new TextEncoder();

/** Returns the size of a text in UTF-8. */
export const size = (/** @type {string} */ text) => encoder.encode(text).length;

/** One request, with its duration and, as soon as the browser reports it, its size. */
class Request {
  constructor(url) {
    this.url = url;
    this.begin = performance.now();
    this.end = null;
    this.body = 0;
    this.told = null;
  }

  get bytes() {
    return this.told ?? HEADER_BYTES + this.body;
  }
}

/** The counts of a transport since a run began. */
class Tally {
  constructor() {
    this.begin = performance.now();
    this.requests = [];
    this.counts = new Map();
    this.order = [];
    this.latencies = [];
    this.repeated = 0;
    this.protocol = null;
    this.firstEventMs = null;
    this.longestWaitMs = 0;
    this.dataBytes = 0;
  }

  get received() {
    return this.counts.size;
  }

  /** Returns the current figures for the page. */
  figures(now = performance.now()) {
    const sorted = [...this.latencies].sort((a, b) => a - b);
    const open = this.requests.reduce((sum, one) => sum + (one.end ?? now) - one.begin, 0);
    const bytes = this.requests.reduce((sum, one) => sum + one.bytes, 0);
    const { received, repeated, protocol, firstEventMs, longestWaitMs, dataBytes } = this;
    return {
      sorted,
      p50: percentile(sorted, 0.5),
      p99: percentile(sorted, 0.99),
      received,
      repeated,
      bytes,
      protocol,
      firstEventMs,
      longestWaitMs,
      requests: this.requests.length,
      held: now > this.begin ? open / (now - this.begin) : 0,
      requestsPerAlarm: received ? this.requests.length / received : null,
      bytesPerAlarm: received ? bytes / received : null,
      dataBytesPerAlarm: received ? dataBytes / received : null,
    };
  }
}

/** The nearest-rank percentile of sorted values. */
export function percentile(sorted, share) {
  return sorted.length ? sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] : null;
}

/**
 * A transport without the code that opens it (`begin`), closes it (`end`) and cuts it (`sever`). `listener` is notified
 * of test alarms (`arrived`), of changes (`changed`) and of the end of a cut (`cutOver`), and knows the published
 * alarms.
 */
export class Transport {
  /** Used by some transports only: the duration of a ping, and the interval of polling. */
  pongMs = null;
  everyMs = null;

  static serial = 0;

  constructor(name, listener) {
    this.name = name;
    this.listener = listener;
    this.state = "closed";
    this.cursor = null;
    this.tally = new Tally();
    this.since = performance.now();
    this.cuts = [];
    this.current = null;
    /** The reason why the last cut failed. */
    this.refusal = null;
  }

  open(cursor) {
    this.cursor = cursor;
    this.wanted = true;
    this.begin();
  }

  close() {
    this.wanted = false;
    clearTimeout(this.retrying);
    this.end();
    this.finish();
    this.become("closed");
  }

  /** Resets the counts and begins a new request. */
  restart(cursor) {
    this.close();
    this.tally = new Tally();
    this.current = null;
    this.open(cursor);
  }

  become(state, why = null) {
    if (state === this.state && why === this.why) return;
    this.state = state;
    this.why = why;
    this.since = performance.now();
    this.listener.changed(this);
  }

  begin() {
    throw new Error("every transport has its own");
  }

  end() {
    throw new Error("every transport has its own");
  }

  /** @returns {Promise<unknown>} */
  sever() {
    throw new Error("every transport has its own");
  }

  // --- requests -----------------------------------------------------------------------------------------------------

  address(more = {}) {
    const url = new URL("/api/stream", location.origin);
    Transport.serial += 1;
    // `_` is ignored by the hub. It identifies the requests of this page in its Resource Timing.
    const query = { cursor: this.cursor, ...more, _: `${this.name}.${Transport.serial}` };
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url;
  }

  ask(url) {
    this.request = new Request(String(url));
    const { requests } = this.tally;
    requests.push(this.request);
    // Between runs old requests are dropped, because a page may stay open for days.
    if (!this.listener.run && requests.length > HISTORY) requests.shift();
    return this.request;
  }

  finish() {
    if (this.request && this.request.end === null) this.request.end = performance.now();
    this.request = null;
  }

  /** Takes the size and protocol of a finished request from the browser. */
  timed(entry) {
    this.tally.protocol = entry.nextHopProtocol || this.tally.protocol;
    const request = this.tally.requests.find((one) => one.url === entry.name && one.end !== null && one.told === null);
    if (request && entry.transferSize) request.told = entry.transferSize;
  }

  // --- events -------------------------------------------------------------------------------------------------------

  heard(event, id, data, bytes) {
    const at = performance.now();
    switch (event) {
      case "connect":
        this.clientId = data.clientId;
        this.tally.firstEventMs ??= at - this.request.begin;
        return this.live();
      case "alarm":
        this.cursor = id;
        if (data.alarmType === "COMPARE_TEST") this.arrived(id, data, at, bytes);
        return undefined;
      case "message":
        this.cursor = id;
        return undefined;
      case "ping":
        this.cursor = Math.max(this.cursor, data.cursor);
        return undefined;
      case "bye":
        if (!data.reconnect) this.dismissed(data.reason);
        return undefined;
    }
  }

  arrived(id, alarm, at, bytes) {
    if (alarm.targetId !== this.listener.run?.id) return;
    const { tally } = this;
    const count = (tally.counts.get(id) ?? 0) + 1;
    tally.counts.set(id, count);
    if (tally.order.length < HISTORY) tally.order.push(id);
    if (count > 1) {
      tally.repeated += 1;
    } else {
      tally.latencies.push(at - alarm.data.sentAt);
      tally.dataBytes += bytes;
    }
    this.listener.arrived(this, at);
    this.settleCut();
  }

  live() {
    this.become("live");
    if (this.current && this.current.lostAt !== null && this.current.backAt === null) {
      this.current.backAt = performance.now();
      this.current.upTo = this.listener.lastPublished();
    }
    this.settleCut();
  }

  /** Handles a lost connection, except for reconnecting. */
  lost() {
    this.finish();
    if (!this.wanted) return;
    if (this.current && this.current.lostAt === null) this.current.lostAt = performance.now();
    this.become("lost");
  }

  dismissed(reason) {
    this.wanted = false;
    clearTimeout(this.retrying);
    this.end();
    this.finish();
    this.become("ended", reason);
  }

  later(delay = RETRY_MS[0] + Math.random() * (RETRY_MS[1] - RETRY_MS[0])) {
    clearTimeout(this.retrying);
    if (this.wanted) this.retrying = setTimeout(() => this.begin(), delay);
  }

  // --- a cut --------------------------------------------------------------------------------------------------------

  /** Cuts the transport. It must reconnect by itself and receive every alarm published in the meantime exactly once. */
  async cut() {
    if (this.state !== "live" || this.cutting) return;
    this.refusal = null;
    this.current = { after: this.cursor, askedAt: performance.now(), lostAt: null, backAt: null, upTo: null, over: false };
    this.cuts.push(this.current);
    try {
      await this.sever();
    } catch (error) {
      this.current = null;
      this.cuts.pop();
      this.refusal = whyOf(error);
    } finally {
      this.listener.changed(this);
    }
  }

  get cutting() {
    return Boolean(this.current && !this.current.over);
  }

  /** Ends a cut when the cursor has reached the last alarm that was published before the transport was back. */
  settleCut() {
    const cut = this.current;
    if (!cut || cut.over || cut.backAt === null || this.cursor < cut.upTo) return;
    const ids = this.listener.publishedBetween(cut.after, cut.upTo);
    cut.over = true;
    cut.missed = ids.length;
    cut.lost = ids.filter((id) => !this.tally.counts.has(id)).length;
    cut.repeated = ids.filter((id) => this.tally.counts.get(id) > 1).length;
    cut.tookMs = cut.backAt - cut.lostAt;
    this.listener.cutOver(this, cut);
  }
}
