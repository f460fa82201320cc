// The table of properties on /compare: replaces the generally known values with measured ones.

import { element } from "./campanile.js";
import { TRANSPORTS, WORDS } from "./compare-words.js";
import { percentile } from "./compare-transport.js";

const COLUMNS = Object.keys(TRANSPORTS);
const RECONNECTS = { sse: "browser", websocket: "page", streaming: "page", longpoll: "request", polling: "request" };
const HELD_BACK_MS = 1_000;

/** Shows the results of a run for one transport. `protocol` is that of the page. */
export function showTransport(transport, figures, publishTimes, protocol) {
  const { name } = transport;
  const publish = percentile([...publishTimes].sort((a, b) => a - b), 0.5);
  if (publish !== null) put("direction", name, transport.pongMs === null ? WORDS.direction.one(publish) : WORDS.direction.both(transport.pongMs));
  if (figures.received) put("data", name, WORDS.data(figures.dataBytesPerAlarm, figures.bytesPerAlarm));
  // Browsers do not report the protocol of a WebSocket.
  if (name !== "websocket") put("protocol", name, figures.protocol || protocol);
  if (figures.held && name !== "sse" && name !== "websocket") put("connections", name, WORDS.connections.held(figures.held));
  put("proxies", name, proxies(name, figures));
  showCut(transport);
}

/** Shows the result of the last cut of a transport. */
export function showCut({ name, cuts }) {
  const last = cuts.findLast((one) => one.over);
  if (last) put("reconnection", name, WORDS.reconnection[RECONNECTS[name]](last));
}

/** Shows the number of streams that the browser opened with one transport. */
export function showLimit(name, { live, outcome }, protocol) {
  put("connections", name, WORDS.connections[outcome](live, name === "websocket" ? "WebSocket" : protocol));
}

function proxies(name, { firstEventMs, longestWaitMs }) {
  if (firstEventMs === null) return null;
  if (name === "polling") return WORDS.proxies.answer(firstEventMs);
  if (name === "longpoll") return WORDS.proxies.wait(longestWaitMs);
  return firstEventMs < HELD_BACK_MS ? WORDS.proxies.stream(firstEventMs) : WORDS.proxies.slow(firstEventMs);
}

function put(property, name, words) {
  if (!words) return;
  const row = document.querySelector(`#properties [data-property=${property}]`);
  const cell = /** @type {HTMLElement} */ (row.children[1 + COLUMNS.indexOf(name)]);
  cell.classList.add("measured");
  cell.dataset.transport = name;
  cell.replaceChildren(element("span.mark", { "aria-hidden": "true" }), element("span.visually-hidden", {}, `${WORDS.measured} `), words);
}
