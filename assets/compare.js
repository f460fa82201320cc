// /compare: opens the five transports, publishes test alarms, cuts connections, and shows the result of each transport.
// The final verdict is based on a comparison with the hub's log.

import { element, newId, request } from "./campanile.js";
import { Card } from "./compare-card.js";
import { Lanes } from "./compare-lanes.js";
import { eventSource, openUntilStuck, webSocket } from "./compare-limit.js";
import { showCut, showLimit, showTransport } from "./compare-table.js";
import { fiveTransports } from "./compare-transports.js";
import { TRANSPORTS, WORDS } from "./compare-words.js";
import { whyOf } from "./refused.js";

const HUB = location.origin;
const SHOW_EVERY_MS = 250;
const LIVE_WITHIN_MS = 10_000;
const SETTLE_WITHIN_MS = 20_000;

const root = document.getElementById("compare");
const form = /** @type {HTMLFormElement} */ (document.getElementById("run-form"));
const [start, cutAll, measureLimit] = ["start", "cut-all", "measure-limit"].map((id) => /** @type {HTMLButtonElement} */ (document.getElementById(id)));
const START = start.textContent;
const progress = /** @type {HTMLProgressElement} */ (document.getElementById("progress"));
const verdict = document.getElementById("verdict");
const told = document.getElementById("told");
const limitResult = document.getElementById("limit-result");

const [navigation] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
const protocol = navigation?.nextHopProtocol || "";
const shared = /^h[23]/.test(protocol);
const limits = new Map();

let run = null;

// --- the transports -----------------------------------------------------------------------------------------------------

const listener = {
  get run() {
    return run;
  },
  lastPublished: () => run?.published.at(-1)?.id ?? 0,
  publishedBetween: (after, upTo) => (run?.published ?? []).map(({ id }) => id).filter((id) => id > after && id <= upTo),
  cutAtTheHub: (clientId) => request(HUB, undefined, "POST", "/compare/cut", { clientId }),
  arrived: (transport, at) => timeline.dot(transport.name, at),
  changed: (transport) => {
    if (transport.state === "lost") timeline.tear(transport.name, transport.since);
    if (transport.state === "live") timeline.mend(transport.name, transport.since);
    cards.get(transport.name).state();
  },
  cutOver: (transport, over) => {
    cards.get(transport.name).state();
    told.textContent = `${TRANSPORTS[transport.name]}: ${WORDS.cutOver(over)}`;
    properties();
  },
};

const transports = fiveTransports(listener);
const cursor = () => Math.max(Number(root.dataset.cursor), ...transports.map((transport) => transport.cursor ?? 0));

/** Returns the figures of a transport in the run: the current ones, or those at its end. */
const figuresOf = (transport) => run?.final?.get(transport) ?? transport.tally.figures();

// --- the display -------------------------------------------------------------------------------------------------------

const lanes = new Lanes(document.getElementById("lanes"));
const { timeline } = lanes;
const cards = new Map(transports.map((transport) => [transport.name, new Card(transport, () => cut(transport))]));

async function cut(transport) {
  timeline.run();
  await transport.cut();
  cards.get(transport.name).state();
}

function show() {
  for (const transport of transports) {
    const figures = figuresOf(transport);
    cards.get(transport.name).show(figures, run ? run.published.length : null);
    lanes.show(transport.name, figures);
  }
  lanes.showPublished(publishTimes());
  progress.value = run ? (run.published.length + run.failed) / run.count : 0;
  cutAll.disabled = !transports.some((transport) => transport.state === "live" && !transport.cutting);
}

function publishTimes() {
  return run ? run.published.map(({ took }) => took) : [];
}

function properties() {
  for (const transport of transports) {
    if (run) showTransport(transport, figuresOf(transport), publishTimes(), protocol);
    else showCut(transport);
  }
  for (const [name, limit] of limits) showLimit(name, limit, protocol);
}

// --- a run -------------------------------------------------------------------------------------------------------------

const field = (name) => /** @type {HTMLSelectElement} */ (form.elements.namedItem(name));

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (run && !run.over) run.stopped = true;
  else go();
});

field("poll").addEventListener("change", paceOfPolling);
cutAll.addEventListener("click", () => transports.forEach((transport) => cut(transport)));

function paceOfPolling() {
  transports.find((transport) => transport.name === "polling").everyMs = Number(field("poll").value);
}

async function go() {
  const count = Number(field("count").value);
  const everyMs = 1_000 / Number(field("rate").value);
  run = { id: newId(), count, from: cursor(), published: [], failed: 0, stopped: false, over: false };
  start.textContent = WORDS.stop;
  measureLimit.disabled = true;
  say("", "");
  timeline.run();
  for (const transport of transports) transport.restart(run.from);
  try {
    await until(() => run.stopped || transports.every((transport) => transport.state === "live"), LIVE_WITHIN_MS);
    const waiting = transports.filter((transport) => transport.state !== "live");
    if (waiting.length) return say("bad", WORDS.notLive(waiting.map((transport) => TRANSPORTS[transport.name])));
    await publishAll(everyMs);
    say("", WORDS.checking);
    await until(() => transports.every(caughtUp), SETTLE_WITHIN_MS);
    run.final = new Map(transports.map((transport) => [transport, transport.tally.figures()]));
    for (const transport of transports) cards.get(transport.name).root.dataset.ids = transport.tally.order.join(" ");
    await check();
  } catch (error) {
    say("bad", WORDS.unreadable(whyOf(error)));
  } finally {
    run.over = true;
    timeline.stop();
    start.textContent = START;
    measureLimit.disabled = false;
    forget(run);
    show();
    properties();
  }
}

/**
 * Publishes the alarms of a run, one request at a time. If the hub is slower than the chosen rate, its answers set the
 * pace.
 */
async function publishAll(everyMs) {
  const began = performance.now();
  for (let sequence = 1; sequence <= run.count && !run.stopped; sequence += 1) {
    await until(() => run.stopped, began + (sequence - 1) * everyMs - performance.now());
    if (run.stopped) return;
    const sentAt = performance.now();
    timeline.dot("published", sentAt);
    try {
      const { id } = await request(HUB, undefined, "POST", "/compare/alarms", { run: run.id, sequence, sentAt });
      run.published.push({ id, took: performance.now() - sentAt });
      for (const transport of transports) transport.settleCut();
    } catch (error) {
      run.failed += 1;
      run.why = whyOf(error);
    }
  }
}

function caughtUp(transport) {
  return transport.state === "live" && !transport.cutting && run.published.every(({ id }) => transport.tally.counts.has(id));
}

/** Reads the log of the run and compares it with the alarms that each transport received. */
async function check() {
  const ids = [];
  let from = run.from;
  for (let more = true; more; ) {
    const page = await request(HUB, undefined, "GET", `/api/stream?cursor=${from}&_=check`);
    for (const { event, id, data } of page.events) {
      if (event === "alarm" && data.targetId === run.id) ids.push(id);
    }
    from = page.cursor;
    more = page.more;
  }
  run.log = ids;
  const faults = transports.map((transport) => faultOf(transport, ids)).filter(Boolean);
  if (run.failed) faults.push(WORDS.publishFailed(run.failed, run.why));
  if (!ids.length && !faults.length) return say("", WORDS.nothing);
  return faults.length ? say("bad", WORDS.disagreed(ids.length, faults)) : say("good", WORDS.agreed(ids.length, ids[0], ids.at(-1)));
}

function faultOf({ name, tally }, ids) {
  const known = new Set(ids);
  const missing = ids.filter((id) => !tally.counts.has(id)).length;
  const strange = [...tally.counts.keys()].filter((id) => !known.has(id)).length;
  const ordered = tally.order.every((id, index) => index === 0 || id > tally.order[index - 1]);
  const { repeated } = tally;
  return missing || strange || repeated || !ordered ? WORDS.fault(TRANSPORTS[name], { missing, repeated, strange, ordered }) : null;
}

/** Deletes the alarms of a run from the inbox. If that fails, they expire. */
function forget({ id, published }) {
  if (!published.length) return;
  request(HUB, undefined, "DELETE", `/api/alarms?targetId=${encodeURIComponent(id)}&alarmType=COMPARE_TEST`).catch(() => {});
}

function say(kind, words) {
  verdict.className = kind ? `notice ${kind}` : "";
  verdict.textContent = words;
}

/** Waits for a condition or a time limit; the caller checks which of the two it was. */
function until(condition, limitMs) {
  return /** @type {Promise<void>} */ (new Promise((resolve) => {
    const end = performance.now() + limitMs;
    const look = () => (condition() || performance.now() >= end ? resolve() : setTimeout(look, Math.max(1, Math.min(25, end - performance.now()))));
    look();
  }));
}

// --- the limit ---------------------------------------------------------------------------------------------------------

measureLimit.addEventListener("click", async () => {
  measureLimit.disabled = true;
  start.disabled = true;
  const from = cursor();
  for (const transport of transports) transport.close();
  const lines = [];
  const tell = (...more) => limitResult.replaceChildren(...[...lines, ...more].map((line) => element("p", {}, line)));
  try {
    for (const { name, open } of [{ name: "sse", open: eventSource }, { name: "websocket", open: webSocket }]) {
      await until(() => false, 1_000); // The hub counts a stream until it notices its end.
      const result = await openUntilStuck(open, (count) => tell(WORDS.measuring(TRANSPORTS[name], count)));
      limits.set(name, result);
      lines.push(WORDS.limit[result.outcome](TRANSPORTS[name], result.live));
    }
    tell(...([...limits.values()].some(({ outcome }) => outcome !== "all") ? [WORDS.limitOther] : []));
  } finally {
    measureLimit.disabled = false;
    start.disabled = false;
    for (const transport of transports) transport.open(from);
    properties();
  }
});

// --- begin and end -----------------------------------------------------------------------------------------------------

function begin() {
  start.disabled = measureLimit.disabled = false;
  document.getElementById("transports").replaceChildren(...[...cards.values()].map((card) => card.root));
  document.getElementById("protocol-note").textContent = shared ? WORDS.protocolNew(protocol) : WORDS.protocolOld;
  paceOfPolling();
  for (const transport of transports) transport.open(cursor());
  timeline.run();
  setInterval(show, SHOW_EVERY_MS);
  show();
}

// A hidden page closes its connections, so that visible pages of the browser can use them.
document.addEventListener("visibilitychange", () => {
  if (run && !run.over) return;
  const from = cursor();
  for (const transport of transports) {
    if (document.visibilityState === "hidden") transport.close();
    else if (transport.state === "closed") transport.open(from);
  }
});

addEventListener("pagehide", () => {
  if (run && !run.over) forget(run);
  for (const transport of transports) transport.close();
});
addEventListener("pageshow", (event) => event.persisted && location.reload());

/**
 * Returns true if no other tab has this page open. Two of them would need all six connections of HTTP/1.1, and both
 * would block.
 */
function alone() {
  if (shared || !navigator.locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    navigator.locks.request("campanile compare", { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock && new Promise(() => {});
    });
  });
}

if (await alone()) {
  begin();
} else {
  const note = element("p.notice", { role: "alert" }, WORDS.elsewhere);
  note.classList.add("bad");
  root.querySelector(".page-head").after(note);
  for (const part of document.querySelectorAll("[data-live]")) part.toggleAttribute("hidden", true);
}
