// Each library, used as its own documentation shows, with the settings that docs/guide/clients.md names. A function opens a stream for a
// client and gives the function that closes it.
import { createRequire } from 'node:module';
import { EventSource } from 'eventsource';
import { EventSourcePolyfill } from 'event-source-polyfill';
import { EventSource as LaunchDarkly } from 'launchdarkly-eventsource';
import ReconnectingEventSource from 'reconnecting-eventsource';
import { EventSource as UndiciEventSource, fetch as undiciFetch } from 'undici';
import WebSocket from 'ws';

const { fetchEventSource } = createRequire(import.meta.url)('@microsoft/fetch-event-source');

const NAMES = ['connect', 'alarm', 'message', 'bye'];
/** Three heartbeats: a stream that brings nothing for so long is dead. */
const SILENCE = 3000 * Number(process.env.CAMPANILE_HEARTBEAT_SECONDS ?? 15);

/** Listens as one does on any `EventSource`. */
function listen(client, source) {
  for (const name of NAMES) {
    source.addEventListener(name, ({ lastEventId, data }) => data && client.heard(name, lastEventId, data));
  }
}

/** The library goes on by itself, but for an answer other than 200, after which it is closed. */
function eventSource(client, source, status) {
  listen(client, source);
  let open = true;
  source.addEventListener('error', (event) => {
    if (open && source.readyState === 2) {
      open = false;
      client.refused(status(event));
    }
  });
  return () => {
    open = false;
    source.close();
  };
}

export const kinds = {
  eventsource: (client) => {
    const options = { fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...client.headers } }) };
    return eventSource(client, new EventSource(client.url, options), (event) => event.code);
  },

  'event-source-polyfill': (client) =>
    eventSource(client, new EventSourcePolyfill(client.url, { headers: client.headers, heartbeatTimeout: SILENCE }), (event) => event.status),

  'launchdarkly-eventsource': (client) => {
    // Without a limit of its own it goes by the 5 s of Node's default agent.
    const source = new LaunchDarkly(client.url, { headers: client.headers, readTimeoutMillis: SILENCE });
    listen(client, source);
    let status = 0;
    source.addEventListener('error', (event) => (status = event.status));
    // It is closed only after its `error`.
    source.addEventListener('closed', () => client.refused(status));
    return () => source.close();
  },

  undici: (client) => eventSource(client, new UndiciEventSource(client.urlWithToken), () => 0),

  // It opens a new stream after every refusal and tells nobody; the class inside it hears the status.
  'reconnecting-eventsource': (client) => {
    class Inner extends EventSource {
      constructor(url, options) {
        super(url, options);
        this.addEventListener('error', (event) => event.code === 401 && client.refused(401));
      }
    }
    const source = new ReconnectingEventSource(client.urlWithToken, { eventSourceClass: Inner });
    listen(client, source);
    return () => source.close();
  },

  '@microsoft/fetch-event-source': (client) => {
    // It is written for browsers.
    globalThis.window ??= globalThis;
    globalThis.document ??= { hidden: false, addEventListener() {}, removeEventListener() {} };
    const stop = new AbortController();
    // It takes the id of an event that has come in part for its position, and so misses that event: the application's own position wins.
    const resume = (url, { headers, ...init }) =>
      fetch(url, { ...init, headers: { ...headers, ...(client.cursor && { 'last-event-id': client.cursor }) } });
    fetchEventSource(client.url, {
      fetch: resume,
      headers: client.headers,
      signal: stop.signal,
      openWhenHidden: true,
      async onopen(answer) {
        if (answer.status !== 200) throw Object.assign(new Error('refused'), { status: answer.status });
      },
      onmessage: ({ event, id, data }) => NAMES.includes(event) && client.heard(event, id, data),
      // Without this it takes the end of a stream as the end of all, and resolves.
      onclose() {
        throw new Error('the stream has ended');
      },
      onerror(error) {
        if (error.status) throw error;
      },
    }).catch((error) => client.refused(error.status));
    return () => stop.abort();
  },

  'undici (NDJSON)': (client) => {
    const stop = new AbortController();
    readLines(client, stop.signal).catch(() => stop.signal.aborted || client.openLater());
    return () => stop.abort();
  },

  ws: (client) => {
    const socket = new WebSocket(client.url.replace('http', 'ws'), { headers: client.headers });
    let open = true;
    const closed = (act) => {
      if (open) act();
      open = false;
    };
    socket.on('message', (text) => {
      const { event, id, data } = JSON.parse(text);
      if (open && NAMES.includes(event)) client.heard(event, id, JSON.stringify(data));
    });
    socket.on('unexpected-response', (_request, { statusCode }) => closed(() => client.refused(statusCode)));
    socket.on('error', () => {});
    socket.on('close', () => closed(() => client.openLater()));
    return () => {
      open = false;
      socket.terminate();
    };
  },
};

async function readLines(client, signal) {
  const headers = { ...client.headers, accept: 'application/x-ndjson' };
  const answer = await undiciFetch(client.url, { headers, signal });
  if (answer.status !== 200) return client.refused(answer.status);
  let rest = '';
  for await (const text of answer.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const { event, id, data } of lines.map((line) => JSON.parse(line))) {
      if (!signal.aborted && NAMES.includes(event)) client.heard(event, id, JSON.stringify(data));
    }
  }
  throw new Error('the stream has ended');
}
