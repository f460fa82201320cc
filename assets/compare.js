// /compare: opens the five ways, publishes test alarms, cuts, and shows what each way did. What it claims at the end it
// has compared with the hub's log.

import { element, newId, request } from "./campanile.js";
import { Histogram, Timeline, svg } from "./compare-charts.js";
import { eventSource, openUntilStuck, webSocket } from "./compare-limit.js";
import { fiveWays, percentile } from "./compare-ways.js";
import { WAYS, WORDS, number, ratio, time } from "./compare-words.js";

const HUB = location.origin;
const START = document.getElementById("start").textContent;
const SHOW_EVERY_MS = 250;
const LIVE_WITHIN_MS = 10_000;
const SETTLE_WITHIN_MS = 20_000;
const NO_CONNECTION_AFTER_MS = 4_000;
const HELD_BACK_MS = 1_000;

const root = document.getElementById("compare");
const form = document.getElementById("run-form");
const start = document.getElementById("start");
const cutAll = document.getElementById("cut-all");
const progress = document.getElementById("progress");
const verdict = document.getElementById("verdict");
const told = document.getElementById("told");
const measureLimit = document.getElementById("measure-limit");
const limitResult = document.getElementById("limit-result");

const protocol = performance.getEntriesByType("navigation")[0]?.nextHopProtocol || "";
const limits = new Map();

let run = null;

// --- the ways ----------------------------------------------------------------------------------------------------------

const listener = {
  get run() {
    return run;
  },
  lastPublished: () => run?.published.at(-1)?.id ?? 0,
  publishedBetween: (after, upTo) => (run?.published ?? []).map(({ id }) => id).filter((id) => id > after && id <= upTo),
  cutAtTheHub: (clientId) => request(HUB, undefined, "POST", "/compare/cut", { clientId }),
  arrived: (way, _id, _alarm, at) => timeline.dot(way.name, at),
  changed: (way) => {
    if (way.state === "lost") timeline.tear(way.name, way.since);
    if (way.state === "live") timeline.mend(way.name, way.since);
    cards.get(way.name)?.state();
  },
  cutOver: (way, over) => {
    cards.get(way.name).state();
    told.textContent = `${WAYS[way.name]}: ${WORDS.cutOver(over)}`;
    properties();
  },
};

const ways = fiveWays(listener);
const cursor = () => Math.max(Number(root.dataset.cursor), ...ways.map((way) => way.cursor ?? 0));

/** What a way did in the run: as of now, or as of the run's end. */
const figuresOf = (way) => run?.final?.get(way) ?? way.tally.figures();

// --- the cards ---------------------------------------------------------------------------------------------------------

class Card {
  constructor(way) {
    this.way = way;
    this.dot = element("span.state", {});
    this.p50 = element("b", {}, number(null));
    this.p99 = element("b", {}, number(null));
    this.values = new Map();
    this.button = element("button.quiet.small", { type: "button", "aria-label": WORDS.cutLabel(WAYS[way.name]), click: () => cut(way) }, WORDS.cut);
    this.result = element("p.cut-result", {});
    const figure = (name, words) => {
      const value = element("dd", { "data-figure": name }, number(null));
      this.values.set(name, value);
      return element("div", {}, element("dt", {}, words), value);
    };
    this.root = element(
      "article.card.way",
      { "data-way": way.name },
      element("header", {}, element("h3", {}, WAYS[way.name]), this.dot),
      element("div.times", {}, element("p.quick", {}, this.p50, element("span", {}, WORDS.half)), element("p.slow", {}, this.p99, element("span", {}, WORDS.most))),
      element("dl", {}, figure("received", WORDS.received), figure("requests", WORDS.requests), figure("bytes", WORDS.bytes), figure("held", WORDS.held)),
      element("div.cut", {}, this.button, this.result),
    );
    this.state();
  }

  show(figures) {
    this.p50.textContent = time(figures.p50);
    this.p99.textContent = time(figures.p99);
    this.say("received", run ? WORDS.receivedOf(figures.received, run.published.length) : number(null));
    this.say("requests", ratio(figures.requestsPerAlarm));
    this.say("bytes", number(figures.bytesPerAlarm));
    this.say("held", ratio(run ? figures.held : null));
    draw(this.way.name, figures);
  }

  say(name, text) {
    const value = this.values.get(name);
    if (value.textContent !== text) value.textContent = text;
  }

  state() {
    const { way } = this;
    this.root.dataset.state = way.state;
    this.dot.textContent = WORDS.states[way.state];
    this.button.disabled = way.state !== "live" || Boolean(way.cutting);
    const text = this.cutText();
    if (this.result.textContent !== text) this.result.textContent = text;
  }

  cutText() {
    const { way } = this;
    if (way.state === "ended") return WORDS.ended(way.why);
    if (way.state === "connecting" && performance.now() - way.since > NO_CONNECTION_AFTER_MS) return WORDS.noConnection;
    const last = way.cuts.at(-1);
    if (!last) return way.refusal ?? "";
    if (last.over) return WORDS.cutOver(last);
    if (last.backAt !== null) return WORDS.cutCatching;
    return last.lostAt === null ? WORDS.cutting : WORDS.cutAway;
  }
}

async function cut(way) {
  way.refusal = null;
  timeline.run();
  await way.cut().catch((error) => (way.refusal = WORDS.cutFailed(error.message)));
  cards.get(way.name).state();
}

// --- the pictures ------------------------------------------------------------------------------------------------------

const cards = new Map();
const histograms = new Map();
const pictures = new Map();
const lanes = document.getElementById("lanes");
const publishedNote = element("span.lane-note", {});

function lane(name, label, note) {
  const dots = svg("svg", { class: "lane-time", role: "img" });
  const bars = svg("svg", { class: "lane-latency", role: "img" });
  lanes.append(element("div.lane", { "data-way": name }, element("p.lane-name", {}, label, note), dots, bars));
  histograms.set(name, new Histogram(bars));
  pictures.set(name, { label, dots, bars });
  return [name, dots];
}

/** One lane's two pictures, also in words. */
function draw(name, figures) {
  const { label, dots, bars } = pictures.get(name);
  histograms.get(name).show(figures);
  dots.setAttribute("aria-label", WORDS.lane(label, figures.sorted.length));
  bars.setAttribute("aria-label", WORDS.histogram(label, figures.p50, figures.p99));
}

const timeline = new Timeline([lane("published", WORDS.published, publishedNote), ...ways.map((way) => lane(way.name, WAYS[way.name]))]);
lanes.append(element("div.lane.axes", { "aria-hidden": "true" }, element("p.lane-name", {}), axis(WORDS.timeAxis, 25), axis(WORDS.latencyAxis, 0)));

/** Labels at even distances, from `first` per cent to the right end. */
function axis(labels, first) {
  const step = (100 - first) / (labels.length - 1);
  const anchor = (index) => (index === labels.length - 1 ? "end" : index === 0 && first === 0 ? "start" : "middle");
  return svg("svg", { class: first ? "axis" : "axis latency" }, ...labels.map((label, index) => svg("text", { x: `${first + index * step}%`, y: 15, "text-anchor": anchor(index) }, label)));
}

for (const way of ways) {
  const card = new Card(way);
  cards.set(way.name, card);
  document.getElementById("ways").append(card.root);
}

function show() {
  for (const way of ways) {
    const figures = figuresOf(way);
    cards.get(way.name).show(figures);
    cards.get(way.name).state();
  }
  const sorted = (run?.published ?? []).map(({ took }) => took).sort((a, b) => a - b);
  const p50 = percentile(sorted, 0.5);
  draw("published", { sorted, p50, p99: percentile(sorted, 0.99) });
  publishedNote.textContent = p50 === null ? "" : WORDS.publishedTime(p50);
  progress.value = run ? (run.published.length + run.failed) / run.count : 0;
  cutAll.disabled = !ways.some((way) => way.state === "live" && !way.cutting);
}

// --- a run -------------------------------------------------------------------------------------------------------------

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (run && !run.over) run.stopped = true;
  else go();
});

form.elements.poll.addEventListener("change", paceOfPolling);
cutAll.addEventListener("click", () => ways.forEach((way) => cut(way)));

function paceOfPolling() {
  ways.find((way) => way.name === "polling").everyMs = Number(form.elements.poll.value);
}

async function go() {
  const count = Number(form.elements.count.value);
  const everyMs = 1_000 / Number(form.elements.rate.value);
  run = { id: newId(), count, from: cursor(), published: [], failed: 0, stopped: false, over: false };
  start.textContent = WORDS.stop;
  measureLimit.disabled = true;
  say("", "");
  timeline.run();
  for (const way of ways) way.restart(run.from);
  try {
    await until(() => run.stopped || ways.every((way) => way.state === "live"), LIVE_WITHIN_MS);
    const waiting = ways.filter((way) => way.state !== "live");
    if (waiting.length) return say("bad", WORDS.notLive(waiting.map((way) => WAYS[way.name])));
    await publishAll(everyMs);
    say("", WORDS.checking);
    await until(() => ways.every(caughtUp), SETTLE_WITHIN_MS);
    run.final = new Map(ways.map((way) => [way, way.tally.figures()]));
    for (const way of ways) cards.get(way.name).root.dataset.ids = way.tally.order.join(" ");
    await check();
  } catch (error) {
    say("bad", WORDS.unreadable(error.message));
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

/** One request at a time: it has one connection, and the hub's answer sets the pace when the hub is slower. */
async function publishAll(everyMs) {
  const begin = performance.now();
  for (let sequence = 1; sequence <= run.count && !run.stopped; sequence += 1) {
    await until(() => run.stopped, begin + (sequence - 1) * everyMs - performance.now());
    if (run.stopped) return;
    const sentAt = performance.now();
    timeline.dot("published", sentAt);
    try {
      const { id } = await request(HUB, undefined, "POST", "/compare/alarms", { run: run.id, sequence, sentAt });
      run.published.push({ id, took: performance.now() - sentAt });
      for (const way of ways) way.settleCut();
    } catch (error) {
      run.failed += 1;
      run.why = error.message;
    }
  }
}

function caughtUp(way) {
  return way.state === "live" && !way.cutting && run.published.every(({ id }) => way.tally.counts.has(id));
}

/** Reads the log from where the run began and compares it with what each way brought. */
async function check() {
  const ids = [];
  let from = run.from;
  for (let more = true; more; ) {
    const page = await request(HUB, undefined, "GET", `/api/stream?cursor=${from}&way=check`);
    for (const { event, id, data } of page.events) {
      if (event === "alarm" && data.targetId === run.id) ids.push(id);
    }
    from = page.cursor;
    more = page.more;
  }
  run.log = ids;
  const faults = ways.map((way) => faultOf(way, ids)).filter(Boolean);
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
  return missing || strange || repeated || !ordered ? WORDS.fault(WAYS[name], { missing, repeated, strange, ordered }) : null;
}

/** Takes a run's alarms out of the inbox; should that fail, they expire. */
function forget({ id, published }) {
  if (!published.length) return;
  request(HUB, undefined, "DELETE", `/api/alarms?targetId=${encodeURIComponent(id)}&alarmType=COMPARE_TEST`).catch(() => {});
}

function say(kind, words) {
  verdict.className = kind ? `notice ${kind}` : "";
  verdict.textContent = words;
}

/** Waits for a condition; gives up after a while without a fuss, as the caller looks for himself. */
function until(condition, limitMs) {
  return new Promise((resolve) => {
    const end = performance.now() + limitMs;
    const look = () => (condition() || performance.now() >= end ? resolve() : setTimeout(look, Math.max(1, Math.min(25, end - performance.now()))));
    look();
  });
}

// --- the limit ---------------------------------------------------------------------------------------------------------

measureLimit.addEventListener("click", async () => {
  measureLimit.disabled = true;
  start.disabled = true;
  const from = cursor();
  for (const way of ways) way.close();
  const lines = [];
  const tell = (...more) => limitResult.replaceChildren(...[...lines, ...more].map((line) => element("p", {}, line)));
  try {
    for (const [name, open] of [["sse", eventSource], ["websocket", webSocket]]) {
      await until(() => false, 1_000); // The hub counts a stream until it has seen its end.
      const result = await openUntilStuck(open, (count) => tell(WORDS.measuring(WAYS[name], count)));
      limits.set(name, result);
      lines.push(WORDS.limit[result.outcome](WAYS[name], result.live));
    }
    tell(...([...limits.values()].some(({ outcome }) => outcome !== "all") ? [WORDS.limitOther] : []));
  } finally {
    measureLimit.disabled = false;
    start.disabled = false;
    for (const way of ways) way.open(from);
    properties();
  }
});

// --- the table ---------------------------------------------------------------------------------------------------------

const RECONNECTS = { sse: "browser", websocket: "page", streaming: "page", longpoll: "request", polling: "request" };

/** Puts what was measured in the place of what is commonly said. */
function properties() {
  if (!run) return limits.size ? limitCells() : undefined;
  const publish = percentile(run.published.map(({ took }) => took).sort((a, b) => a - b), 0.5);
  for (const way of ways) {
    const figures = figuresOf(way);
    const { name } = way;
    if (publish !== null) put("direction", name, name === "websocket" && way.pongMs ? WORDS.direction.both(way.pongMs) : WORDS.direction.one(publish));
    if (figures.received) put("data", name, WORDS.data(figures.dataBytesPerAlarm, figures.bytesPerAlarm));
    if (figures.held && name !== "sse" && name !== "websocket") put("connections", name, WORDS.connections.held(figures.held));
    if (figures.protocol) put("protocol", name, figures.protocol);
    else if (protocol && name !== "websocket") put("protocol", name, protocol);
    put("proxies", name, proxies(name, figures));
    const last = way.cuts.findLast((one) => one.over);
    if (last) put("reconnection", name, WORDS.reconnection[RECONNECTS[name]](last));
  }
  return limitCells();
}

function limitCells() {
  for (const [name, { live, outcome }] of limits) put("connections", name, WORDS.connections[outcome](live, name === "websocket" ? "WebSocket" : protocol));
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
  const cell = row.children[1 + ways.findIndex((way) => way.name === name)];
  cell.classList.add("measured");
  cell.dataset.way = name;
  cell.replaceChildren(element("span.mark", { "aria-hidden": "true" }), element("span.visually-hidden", {}, `${WORDS.measured} `), words);
}

// --- begin and end -----------------------------------------------------------------------------------------------------

function begin() {
  for (const part of document.querySelectorAll("[data-live]")) part.hidden = false;
  document.getElementById("protocol-note").textContent = shared ? WORDS.protocolNew(protocol) : WORDS.protocolOld;
  paceOfPolling();
  for (const way of ways) way.open(cursor());
  timeline.run();
  setInterval(show, SHOW_EVERY_MS);
  show();
}

// Nobody looks: the connections are for the tabs somebody looks at.
document.addEventListener("visibilitychange", () => {
  if (run && !run.over) return;
  const from = cursor();
  for (const way of ways) {
    if (document.visibilityState === "hidden") way.close();
    else if (way.state === "closed") way.open(from);
  }
});

addEventListener("pagehide", () => {
  if (run && !run.over) forget(run);
  for (const way of ways) way.close();
});
addEventListener("pageshow", (event) => event.persisted && location.reload());

const shared = /^h[23]/.test(protocol);

/** Two of these pages in one browser would need all six connections of HTTP/1.1, and both would stand still. */
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
}
