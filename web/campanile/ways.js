// The two ways events come in: one EventSource, or one long poll after another. Both tell what they hear to the same
// ear and say once when they fail; neither tries again by itself.

import { credentialsFor, parse, request } from "./request.js";
import { toId } from "./topic.js";

/** @import { AlarmId, Token, Way } from "./wire.d.ts" */

/**
 * @typedef {object} Ear
 * @property {(name: string, id: AlarmId | null, data: any) => void} hear
 * @property {(error: unknown) => void} fail
 */

/**
 * @typedef {object} Place
 * @property {string} hub
 * @property {Token} token a string by now, except for polls, which ask for one each time
 * @property {string[]} rooms
 * @property {AlarmId | null} cursor
 */

const EVENT_NAMES = ["connect", "alarm", "message", "state", "presence", "ping", "bye"];
// Proxies that hold streams back mostly give a request 30 to 60 seconds.
const POLL_SECONDS = 20;
const POLL_DEADLINE_MS = 30_000;
const FIRST_POLL_DEADLINE_MS = 8_000;

/**
 * @param {Place} place
 * @param {Ear} ear
 * @returns {Way}
 */
export function openStream(place, ear) {
  const url = addressOf(place);
  if (typeof place.token === "string") url.searchParams.set("token", place.token);
  const source = new EventSource(url, { withCredentials: credentialsFor(place.hub) === "include" });
  for (const name of EVENT_NAMES) {
    source.addEventListener(name, (event) => {
      const { data, lastEventId } = /** @type {MessageEvent<string>} */ (event);
      const value = parse(data);
      if (value !== undefined) ear.hear(name, toId(lastEventId), value);
    });
  }
  // It would try again by itself, but gives up for ever on any answer but 200.
  source.onerror = (error) => ear.fail(error);
  return newWay("stream", place.rooms, () => source.close());
}

/**
 * @param {Place} place
 * @param {Ear} ear
 * @returns {Way}
 */
export function openPolls(place, ear) {
  const ending = new AbortController();
  poll(place, ear, ending.signal).catch((error) => ending.signal.aborted || ear.fail(error));
  return newWay("polls", place.rooms, () => ending.abort());
}

/**
 * A poll has no `connect` and no lasting subscription: what `connect` says is asked for at the start, and the counts
 * after each poll, because a change of state between two polls reaches nobody.
 * @param {Place} place
 * @param {Ear} ear
 * @param {AbortSignal} signal
 */
async function poll(place, ear, signal) {
  /** @param {string | URL} path @param {number} deadline */
  const ask = (path, deadline) => {
    const end = AbortSignal.any([signal, AbortSignal.timeout(deadline)]);
    return request(place.hub, place.token, "GET", String(path), undefined, {}, end);
  };
  let { cursor } = place;
  for (let first = true; !signal.aborted; first = false) {
    const url = addressOf({ ...place, cursor });
    if (!first) url.searchParams.set("wait", String(POLL_SECONDS));
    const page = await ask(url, first ? FIRST_POLL_DEADLINE_MS : POLL_DEADLINE_MS);
    const { meta } = await ask("/api/alarms?limit=1", FIRST_POLL_DEADLINE_MS);
    if (signal.aborted) return;
    const counts = { unseen: meta.unseen, unread: meta.unread, head: meta.cursor };
    if (first || page.gap) ear.hear("connect", null, { ...counts, gap: page.gap, cursor: page.gap ? page.cursor : (cursor ?? page.cursor) });
    for (const { event, id, data } of page.events) if (!signal.aborted) ear.hear(event, id, data);
    ear.hear("ping", null, { cursor: page.cursor });
    ear.hear("counts", null, counts);
    cursor = page.cursor;
  }
}

/** @param {Place} place */
function addressOf({ hub, rooms, cursor }) {
  const url = new URL("/api/stream", hub);
  for (const room of rooms) {
    if (room === "all") url.searchParams.append("rooms", "all");
    else url.searchParams.append("room", room);
  }
  if (cursor !== null) url.searchParams.set("cursor", String(cursor));
  return url;
}

/**
 * @param {Way["name"]} name
 * @param {string[]} rooms
 * @param {() => void} close
 * @returns {Way}
 */
function newWay(name, rooms, close) {
  return { name, rooms, close, openedAt: Date.now(), heardAt: Date.now(), heard: 0 };
}
