// The client of a Campanile notification hub for back ends: publish, users, tokens, and a stream that resumes after everything.
import { randomUUID } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** A stream is dead after so many heartbeats of silence. */
const MISSED_HEARTBEATS = 3;
/** The silence that is allowed until the stream has told the length of its heartbeat. */
const FIRST_SILENCE_MS = 45_000;

/** An answer of the hub that is no success, or (status 0) the lack of one. */
export class HubError extends Error {
  constructor(status, code, detail, { requestId, retryAfterMs, cause } = {}) {
    super(`${code}: ${detail}`, { cause });
    this.name = "HubError";
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.requestId = requestId;
    this.retryAfterMs = retryAfterMs ?? 0;
  }

  /** True if the same request may succeed later. */
  get isTemporary() {
    return this.code === "unreachable" || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

export class Campanile {
  #url;
  #key;
  #timeoutMs;
  #giveUpAfterMs;
  #delaysMs;

  constructor({ url, key, timeoutMs = 30_000, giveUpAfterMs = 60_000, delaysMs = [1_000, 30_000] }) {
    this.#url = url.replace(/\/+$/, "");
    this.#key = key;
    this.#timeoutMs = timeoutMs;
    this.#giveUpAfterMs = giveUpAfterMs;
    this.#delaysMs = delaysMs;
  }

  /** Publishes one alarm, once, however often the request has to be sent; gives `[{id, topic}]`. */
  async publish(alarm, { idempotencyKey = randomUUID() } = {}) {
    return (await this.#call("POST", "/api/alarms", alarm, { "idempotency-key": idempotencyKey })).alarms;
  }

  /** Publishes up to 1,000 alarms, all or none; gives a list for each of them. */
  async publishAll(alarms, { idempotencyKey = randomUUID() } = {}) {
    const answer = await this.#call("POST", "/api/alarms", alarms, { "idempotency-key": idempotencyKey });
    return answer.results.map((result) => result.alarms);
  }

  /** Takes alarms out of the inboxes of their recipients, or of one; gives their number. */
  async retract({ targetId, alarmType, user }) {
    const query = new URLSearchParams({ targetId, alarmType, ...(user !== undefined && { user }) });
    let deleted = 0;
    for (;;) {
      const answer = await this.#call("DELETE", `/api/alarms?${query}`);
      deleted += answer.deleted;
      if (!answer.more) return deleted;
    }
  }

  /** Makes a user known, or changes them. */
  putUser(id, changes = {}) {
    return this.#call("PUT", `/api/users/${encodeURIComponent(id)}`, changes);
  }

  /** Makes up to 1,000 users known, all or none. */
  putUsers(users) {
    return this.#call("POST", "/api/users", users);
  }

  /** Ends every session and stream of a user. */
  async signOut(id) {
    await this.#call("POST", `/api/users/${encodeURIComponent(id)}/sign-out`);
  }

  /** Deletes a user. */
  async deleteUser(id) {
    await this.#call("DELETE", `/api/users/${encodeURIComponent(id)}`);
  }

  /** A token with which the page of this user speaks to the hub: `{token, expiresAt}`. */
  token(userId, { ttlSeconds } = {}) {
    return this.#call("POST", "/api/tokens", { userId, ttlSeconds });
  }

  /**
   * The events of topics, in order and each once, for as long as the loop goes on. The cursor is saved when the body of the loop asks for
   * the next event, so an event whose handling failed comes again at the next start.
   */
  async *watch({ topics = [], rooms = [], cursor, signal } = {}) {
    const keeper = typeof cursor === "object" ? cursor : { load: () => cursor, save: () => {} };
    const query = new URLSearchParams([...topics.map((it) => ["topic", it]), ...rooms.map((it) => ["room", it])]);
    let position = await keeper.load();
    let failures = 0;
    let refusals = 0;
    while (!signal?.aborted) {
      let pauseMs = 0;
      try {
        for await (const event of this.#stream(query, position, signal)) {
          if (event.event === "connect") [failures, refusals] = [0, 0];
          if (event.event === "bye" && !event.data.reconnect) {
            throw new HubError(0, event.data.reason, "the hub has ended the stream for good");
          }
          if (event.event === "connect" && event.data.gap) yield { ...event, event: "gap" };
          if (!["connect", "ping", "bye"].includes(event.event)) yield event;
          // A `connect` may lead back: a hub whose log was replaced counts anew.
          if (event.id !== null && event.id !== position) {
            await keeper.save(event.id);
            position = event.id;
          }
        }
      } catch (error) {
        if (signal?.aborted) return;
        const askAgain = error.status === 401 && typeof this.#key === "function" && ++refusals === 1;
        if (!(error instanceof HubError) || !(error.isTemporary || askAgain)) throw error;
        pauseMs = error.retryAfterMs;
      }
      await pause(Math.max(pauseMs, this.#backOffMs(failures++)), signal);
    }
  }

  /** One connection: its events up to its end. */
  async *#stream(query, position, signal) {
    const silence = new AbortController();
    let limitMs = FIRST_SILENCE_MS;
    let timer = setTimeout(() => silence.abort(), limitMs);
    const signals = signal ? [silence.signal, signal] : [silence.signal];
    const headers = { accept: "application/x-ndjson" };
    if (position !== undefined) headers["last-event-id"] = String(position);
    try {
      const answer = await this.#send("GET", `/api/stream?${query}`, { headers, signal: AbortSignal.any(signals) });
      if (!answer.headers.get("content-type")?.startsWith("application/x-ndjson")) {
        await answer.body?.cancel();
        throw new HubError(answer.status, answer.status === 204 ? "account_disabled" : "no_stream", "the answer is no stream");
      }
      for await (const event of events(answer.body)) {
        // The time that the body of the loop takes is not the hub's silence.
        clearTimeout(timer);
        if (event.event === "connect") limitMs = MISSED_HEARTBEATS * 1000 * event.data.heartbeatSeconds;
        yield event;
        timer = setTimeout(() => silence.abort(), limitMs);
      }
    } finally {
      clearTimeout(timer);
      silence.abort();
    }
  }

  /** A request that is sent again until it is answered, or time is up; its body and headers stay the same. */
  async #call(method, path, body, headers = {}) {
    const deadline = Date.now() + this.#giveUpAfterMs;
    const sent = body === undefined ? undefined : JSON.stringify(body);
    for (let failures = 0, refusals = 0; ; failures++) {
      try {
        const options = { headers: { ...headers, ...(sent && { "content-type": "application/json" }) }, body: sent };
        const answer = await this.#send(method, path, { ...options, signal: AbortSignal.timeout(this.#timeoutMs) });
        const text = await answer.text().catch(unreachable);
        return text === "" ? undefined : JSON.parse(text);
      } catch (error) {
        const askAgain = error.status === 401 && typeof this.#key === "function" && ++refusals === 1;
        if (!(error instanceof HubError) || !(error.isTemporary || askAgain)) throw error;
        const pauseMs = Math.max(error.retryAfterMs, this.#backOffMs(failures));
        if (Date.now() + pauseMs > deadline) throw error;
        await sleep(pauseMs);
      }
    }
  }

  async #send(method, path, options) {
    const key = typeof this.#key === "function" ? await this.#key() : this.#key;
    const headers = { ...options.headers, authorization: `Bearer ${key}` };
    const answer = await fetch(this.#url + path, { ...options, method, headers, redirect: "error" }).catch(unreachable);
    if (answer.ok) return answer;
    const problem = await answer.json().catch(() => ({}));
    throw new HubError(answer.status, problem.code ?? `http_${answer.status}`, problem.detail ?? answer.statusText, {
      requestId: problem.requestId,
      retryAfterMs: 1000 * (Number(answer.headers.get("retry-after")) || 0),
    });
  }

  /** Random, so that many clients do not come back together. */
  #backOffMs(failures) {
    const [least, most] = this.#delaysMs;
    return Math.min(most, least * 2 ** failures) * (0.5 + Math.random() / 2);
  }
}

/** A cursor in a file, which is replaced as a whole. */
export function fileCursor(path) {
  return {
    async load() {
      const text = await readFile(path, "utf8").catch((error) => {
        if (error.code !== "ENOENT") throw error;
      });
      if (text === undefined) return undefined;
      if (!/^\d+$/.test(text)) throw new Error(`${path} holds no cursor`);
      return Number(text);
    },
    async save(cursor) {
      await writeFile(`${path}.new`, String(cursor));
      await rename(`${path}.new`, path);
    },
  };
}

/** The objects of a stream, one a line. A line that is not ended has not come whole. */
async function* events(body) {
  const decoder = new TextDecoder();
  let rest = "";
  const chunks = body[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await chunks.next().catch(unreachable);
    if (done) return;
    const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}

function unreachable(cause) {
  throw new HubError(0, "unreachable", "the hub gave no answer, or broke off", { cause });
}

/** Ends early, without an error, when the signal comes. */
function pause(milliseconds, signal) {
  return sleep(milliseconds, undefined, { signal }).catch(() => {});
}
