// The five ways of /api/stream, each kept open by the code it needs, with what it costs. One class for each; what they
// share is the tally: what arrived, what it took, and what a cut did.

const HEADER_BYTES = 300; // What Resource Timing counts for the header of an answer.
const EVENTS = ["connect", "alarm", "message", "state", "presence", "ping", "bye"];
const RETRY_MS = [500, 1_500];
const REFUSED_RETRY_MS = 5_000;
const WAIT_SECONDS = 20;
const POLL_DEADLINE_MS = 10_000;
const HISTORY = 5_000;

const encoder = new TextEncoder();
const size = (text) => encoder.encode(text).length;

/** One request, until it is over and the browser has told what it took. */
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

/** What a way did since a run began. */
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

  /** What the page shows, as of now. */
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
 * What all ways share. `listener` has `arrived(way, id, alarm, at)` for test alarms, `changed(way)` and
 * `cutOver(way, cut)`.
 */
class Way {
  static serial = 0;

  constructor(name, listener) {
    this.name = name;
    this.listener = listener;
    this.state = "closed";
    this.cursor = null;
    this.tally = new Tally();
    this.since = performance.now();
    this.cuts = [];
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

  /** Begins to count anew, on a new request. */
  restart(cursor) {
    this.close();
    this.tally = new Tally();
    this.cut_ = null;
    this.open(cursor);
  }

  become(state, why = null) {
    if (state === this.state && why === this.why) return;
    this.state = state;
    this.why = why;
    this.since = performance.now();
    this.listener.changed(this);
  }

  // --- requests -----------------------------------------------------------------------------------------------------

  address(more = {}) {
    const url = new URL("/api/stream", location.origin);
    Way.serial += 1;
    // The last two mean nothing to the hub: they tell the requests of this page apart in its Resource Timing.
    const query = { cursor: this.cursor, ...more, way: this.name, n: Way.serial };
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url;
  }

  ask(url) {
    this.request = new Request(String(url));
    const { requests } = this.tally;
    requests.push(this.request);
    // Between runs nobody counts, and a page may stay open for days.
    if (!this.listener.run && requests.length > HISTORY) requests.shift();
    return this.request;
  }

  finish() {
    if (this.request && this.request.end === null) this.request.end = performance.now();
    this.request = null;
  }

  /** The browser tells what a finished request took. */
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
    this.listener.arrived(this, id, alarm, at);
    this.settleCut();
  }

  live() {
    this.become("live");
    if (this.cut_ && this.cut_.lostAt !== null && this.cut_.backAt === null) {
      this.cut_.backAt = performance.now();
      this.cut_.upTo = this.listener.lastPublished();
    }
    this.settleCut();
  }

  /** The connection is gone, but for the code that brings it back. */
  lost() {
    this.finish();
    if (!this.wanted) return;
    if (this.cut_ && this.cut_.lostAt === null) this.cut_.lostAt = performance.now();
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

  /** Cuts the way. It must come back by itself, with every alarm that was published meanwhile, once. */
  async cut() {
    if (this.state !== "live" || this.cutting) return;
    this.cut_ = { after: this.cursor, askedAt: performance.now(), lostAt: null, backAt: null, upTo: null, over: false };
    this.cuts.push(this.cut_);
    try {
      await this.sever();
    } catch (error) {
      this.cut_ = null;
      this.cuts.pop();
      throw error;
    } finally {
      this.listener.changed(this);
    }
  }

  get cutting() {
    return this.cut_ !== null && this.cut_ !== undefined && !this.cut_.over;
  }

  /** A cut is over when the way has come to what had been published when it was back. */
  settleCut() {
    const cut = this.cut_;
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

class ServerSentEvents extends Way {
  begin() {
    const url = this.address();
    this.source = new EventSource(url);
    this.become("connecting");
    this.ask(url);
    this.source.onopen = () => {
      // The browser has come back by itself, to the same address.
      if (!this.request) this.ask(url);
    };
    this.source.onerror = () => {
      this.lost();
      if (this.source.readyState !== EventSource.CLOSED) return;
      this.source.close();
      this.later(REFUSED_RETRY_MS);
    };
    for (const name of EVENTS) {
      this.source.addEventListener(name, (event) => {
        if (!this.request) this.ask(url);
        const data = event.data;
        const id = name === "connect" || name === "alarm" || name === "message" ? `id: ${event.lastEventId}\n` : "";
        // Scripts get an event without its framing; this is how the hub writes it.
        this.request.body += size(`event: ${name}\n${id}data: ${data}\n\n`);
        this.heard(name, Number(event.lastEventId), JSON.parse(data), size(data));
      });
    }
  }

  end() {
    this.source?.close();
    this.source = null;
  }

  sever() {
    return this.listener.cutAtTheHub(this.clientId);
  }
}

class WebSocketWay extends Way {
  begin() {
    const url = this.address();
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.socket = socket;
    this.become("connecting");
    this.ask(url);
    socket.onmessage = ({ data }) => {
      if (socket !== this.socket) return;
      const bytes = size(data);
      this.request.body += bytes + (bytes < 126 ? 2 : bytes < 65_536 ? 4 : 10);
      const { event, id, data: content } = JSON.parse(data);
      if (event === "pong") return void (this.pongMs = performance.now() - this.pingedAt);
      this.heard(event, id, content, size(JSON.stringify(content)));
    };
    socket.onclose = () => {
      if (socket !== this.socket) return;
      this.lost();
      this.later();
    };
  }

  live() {
    super.live();
    // The one way that also leads to the hub.
    this.pingedAt = performance.now();
    this.socket.send('{"type":"ping"}');
  }

  end() {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  sever() {
    return this.listener.cutAtTheHub(this.clientId);
  }
}

class Streaming extends Way {
  async begin() {
    const url = this.address();
    const request = this.ask(url);
    const ending = (this.ending = new AbortController());
    this.become("connecting");
    try {
      const answer = await fetch(url, { headers: { accept: "application/x-ndjson" }, cache: "no-store", signal: ending.signal });
      if (!answer.ok) throw new Error(String(answer.status));
      await this.read(answer.body.getReader(), request);
    } catch {
      // Broken off, refused or out of reach: all the same to what follows.
    }
    if (ending !== this.ending) return;
    this.lost();
    this.later();
  }

  async read(reader, request) {
    const decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      request.body += value.length;
      const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        const { event, id, data } = JSON.parse(line);
        this.heard(event, id, data, size(JSON.stringify(data)));
      }
    }
  }

  end() {
    const ending = this.ending;
    this.ending = null;
    ending?.abort();
  }

  sever() {
    return this.listener.cutAtTheHub(this.clientId);
  }
}

/** Long polling and polling: an answer ends the request, and the next one carries the cursor on. */
class Asking extends Way {
  async begin() {
    const url = this.address(this.parameters());
    const request = this.ask(url);
    const ending = (this.ending = new AbortController());
    const deadline = setTimeout(() => ending.abort(), POLL_DEADLINE_MS + (this.waits ? WAIT_SECONDS * 1_000 : 0));
    if (this.state !== "live") this.become("connecting");
    let more = false;
    try {
      const answer = await fetch(url, { headers: { accept: "application/json" }, cache: "no-store", signal: ending.signal });
      if (!answer.ok) throw new Error(String(answer.status));
      if (this.throwAway) {
        this.throwAway = false;
        ending.abort();
        throw new Error("thrown away");
      }
      const text = await answer.text();
      if (ending !== this.ending) return;
      request.body = size(text);
      more = this.took(JSON.parse(text), request);
    } catch {
      if (ending !== this.ending) return;
      this.lost();
      this.later();
      return;
    } finally {
      clearTimeout(deadline);
    }
    if (this.wanted) this.later(more ? 0 : this.pause(request));
  }

  took({ events, cursor, more }, request) {
    this.finish();
    const took = request.end - request.begin;
    this.tally.longestWaitMs = Math.max(this.tally.longestWaitMs, took);
    this.tally.firstEventMs ??= took;
    const upTo = Math.max(this.cursor, cursor);
    for (const { event, id, data } of events) this.heard(event, id, data, size(JSON.stringify(data)));
    this.cursor = upTo;
    if (this.wanted) this.live();
    return more;
  }

  end() {
    const ending = this.ending;
    this.ending = null;
    ending?.abort();
  }
}

class LongPolling extends Asking {
  waits = true;

  /** The first question after trouble does not wait: its answer tells that the hub is there. */
  parameters() {
    return this.state === "live" ? { wait: WAIT_SECONDS } : {};
  }

  pause() {
    return 0;
  }

  async sever() {
    this.ending?.abort();
  }
}

class Polling extends Asking {
  waits = false;
  everyMs = 1_000;

  parameters() {
    return {};
  }

  pause(request) {
    return Math.max(0, request.begin + this.everyMs - performance.now());
  }

  /** Between two polls there is nothing to cut: the next answer is lost on its way. */
  async sever() {
    this.throwAway = true;
  }
}

/** All five, in the order they are shown in. */
export function fiveWays(listener) {
  const ways = [
    new ServerSentEvents("sse", listener),
    new WebSocketWay("websocket", listener),
    new Streaming("streaming", listener),
    new LongPolling("longpoll", listener),
    new Polling("polling", listener),
  ];
  const byName = new Map(ways.map((way) => [way.name, way]));
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const name = entry.name.includes("/api/stream?") && new URL(entry.name).searchParams.get("way");
      if (name) byName.get(name)?.timed(entry);
    }
  }).observe({ type: "resource" });
  return ways;
}
