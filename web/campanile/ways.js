// The two ways events come in: one answer that does not end, or one long poll after another. Both tell what they hear to
// the same ear and say once when they fail; neither tries again by itself.

import { parse, RequestError } from "./request.js";
import { toId } from "./topic.js";

/** @import { Identity } from "./identity.js" */
/** @import { AlarmId, Way, WayName } from "./wire.d.ts" */

/**
 * @typedef {object} Ear
 * @property {(name: string, id: AlarmId | null, data: any) => unknown} hear
 * @property {(error: any) => void} fail
 */

/**
 * @typedef {object} Place
 * @property {Identity} identity
 * @property {string | undefined} token
 * @property {string[]} rooms
 * @property {AlarmId | null} cursor
 */

// Proxies that hold streams back mostly give a request 30 to 60 seconds.
const POLL_SECONDS = 20;
const POLL_DEADLINE_MS = 30_000;
const FIRST_POLL_DEADLINE_MS = 8_000;

/**
 * @param {WayName} name
 * @param {Place} place
 * @param {Ear} ear
 * @returns {Way}
 */
export function open(name, place, ear) {
  const ending = new AbortController();
  const { signal } = ending;
  /** @type {Ear["hear"]} */
  const hear = (...event) => signal.aborted || ear.hear(...event);
  (name === "stream" ? read : poll)(place, hear, signal).catch((error) => signal.aborted || ear.fail(error));
  return { name, rooms: [], close: () => ending.abort(), heardAt: Date.now(), heard: 0 };
}

/**
 * Server-sent events by `fetch`, which, unlike EventSource, can send a token as a header and tells why it failed.
 * @param {Place} place
 * @param {Ear["hear"]} hear
 * @param {AbortSignal} signal
 */
async function read(place, hear, signal) {
  const answer = await place.identity.send(place.token, "GET", addressOf(place, place.cursor), undefined, "text/event-stream", signal);
  if (!answer.body || answer.status === 204) throw new RequestError(204, { code: "account_disabled" });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  const take = eventsOf(hear);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new TypeError();
    take(value);
  }
}

/**
 * Reads an event stream (WHATWG HTML, section 9.2.6) that comes in pieces, as the hub writes it: data in one line. A
 * comment is told as an event without a name.
 * @param {Ear["hear"]} hear
 */
function eventsOf(hear) {
  let rest = "";
  /** @type {Record<string, string>} */
  let event = {};
  /** @param {string} chunk */
  return (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const [, field, value] = /^(\w*): ?(.*?)\r?$/.exec(line) ?? [];
      if (field) event[field] = value ?? "";
      else if (field === "") hear("", null, null);
      else {
        const data = parse(event.data ?? "");
        if (data !== undefined) hear(event.event ?? "message", toId(event.id), data);
        event = {};
      }
    }
  };
}

/**
 * A poll has no `connect` and no lasting subscription: what `connect` says is asked for at the start, and the counts
 * after each poll, because a change of state between two polls reaches nobody.
 * @param {Place} place
 * @param {Ear["hear"]} hear
 * @param {AbortSignal} signal
 */
async function poll(place, hear, signal) {
  const { identity, token } = place;
  /** @param {string} path @param {number} deadline */
  const ask = async (path, deadline) => {
    const end = AbortSignal.any([signal, AbortSignal.timeout(deadline)]);
    return parse(await (await identity.send(token, "GET", path, undefined, undefined, end)).text());
  };
  let { cursor } = place;
  for (let first = true; !signal.aborted; first = false) {
    const address = addressOf(place, cursor);
    const page = await ask(first ? address : `${address}&wait=${POLL_SECONDS}`, first ? FIRST_POLL_DEADLINE_MS : POLL_DEADLINE_MS);
    const { meta } = await ask("/api/alarms?limit=1", FIRST_POLL_DEADLINE_MS);
    const counts = { unseen: meta.unseen, unread: meta.unread, head: meta.cursor };
    identity.isOf(page.userId);
    if (first || page.gap) hear("connect", null, { ...counts, gap: page.gap, cursor: page.gap ? page.cursor : (cursor ?? page.cursor) });
    for (const { event, id, data } of page.events) hear(event, id, data);
    hear("ping", null, { cursor: page.cursor });
    hear("counts", null, counts);
    cursor = page.cursor;
  }
}

/**
 * @param {Place} place
 * @param {AlarmId | null} cursor
 */
function addressOf({ rooms }, cursor) {
  const query = new URLSearchParams(rooms.map((room) => [room === "all" ? "rooms" : "room", room]));
  if (cursor !== null) query.set("cursor", `${cursor}`);
  return `/api/stream?${query}`;
}
