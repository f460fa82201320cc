// The five transports of /api/stream, each with the code that a page needs to keep it open.

import { Transport, size } from "./compare-transport.js";

const EVENTS = ["connect", "alarm", "message", "state", "presence", "ping", "bye"];
const REFUSED_RETRY_MS = 5_000;
const WAIT_SECONDS = 20;
const POLL_DEADLINE_MS = 10_000;

class ServerSentEvents extends Transport {
  /** @override */
  begin() {
    const url = this.address();
    this.source = new EventSource(url);
    this.become("connecting");
    this.ask(url);
    this.source.onopen = () => {
      // The browser has reconnected by itself, to the same address.
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
        // Scripts get an event without its framing, so its size is computed from the format that the hub writes.
        this.request.body += size(`event: ${name}\n${id}data: ${data}\n\n`);
        this.heard(name, Number(event.lastEventId), JSON.parse(data), size(data));
      });
    }
  }

  /** @override */
  end() {
    this.source?.close();
    this.source = null;
  }

  /** @override */
  sever() {
    return this.listener.cutAtTheHub(this.clientId);
  }
}

class WebSocketTransport extends Transport {
  /** @override */
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

  /** @override */
  live() {
    super.live();
    // WebSocket is the only transport that also sends to the hub.
    this.pingedAt = performance.now();
    this.socket.send('{"type":"ping"}');
  }

  /** @override */
  end() {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  /** @override */
  sever() {
    return this.listener.cutAtTheHub(this.clientId);
  }
}

class Streaming extends Transport {
  /** @override */
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
      // Aborted, refused or unreachable: the page reconnects in each case.
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

  /** @override */
  end() {
    const ending = this.ending;
    this.ending = null;
    ending?.abort();
  }

  /** @override */
  sever() {
    return this.listener.cutAtTheHub(this.clientId);
  }
}

/** Long polling and polling: a response ends the request, and the next request carries the cursor. */
class Asking extends Transport {
  /** @override */
  everyMs = 0;

  /** Whether the next response is dropped, as if its connection had broken. */
  throwAway = false;

  /** Returns the additional parameters of a request. */
  parameters() {
    return {};
  }

  /** @override */
  async begin() {
    const url = this.address(this.parameters());
    const request = this.ask(url);
    const ending = (this.ending = new AbortController());
    const deadline = setTimeout(() => ending.abort(), POLL_DEADLINE_MS + Number(url.searchParams.get("wait")) * 1_000);
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
    if (this.wanted) this.later(more ? 0 : Math.max(0, request.begin + this.everyMs - performance.now()));
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

  /** @override */
  end() {
    const ending = this.ending;
    this.ending = null;
    this.throwAway = false;
    ending?.abort();
  }
}

class LongPolling extends Asking {
  /**
   * The first request after an error does not wait, so that its response shows early that the hub is back.
   * @override
   */
  parameters() {
    return this.state === "live" ? { wait: WAIT_SECONDS } : {};
  }

  /**
   * Between two requests there is no connection to cut, so the next response is dropped.
   * @override
   */
  async sever() {
    if (this.request) this.ending.abort();
    else this.throwAway = true;
  }
}

class Polling extends Asking {
  /** @override */
  everyMs = 1_000;

  /**
   * Between two polls there is no connection to cut, so the next response is dropped.
   * @override
   */
  async sever() {
    this.throwAway = true;
  }
}

/** Creates all five, in the order in which they are shown. */
export function fiveTransports(listener) {
  const transports = [
    new ServerSentEvents("sse", listener),
    new WebSocketTransport("websocket", listener),
    new Streaming("streaming", listener),
    new LongPolling("longpoll", listener),
    new Polling("polling", listener),
  ];
  const byName = new Map(transports.map((transport) => [transport.name, transport]));
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const name = entry.name.includes("/api/stream?") && new URL(entry.name).searchParams.get("_")?.split(".")[0];
      if (name) byName.get(name)?.timed(entry);
    }
  }).observe({ type: "resource" });
  return transports;
}
