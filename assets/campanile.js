// Campanile in a page: `connect()`, the client that keeps one live stream per browser, and
// `<campanile-bell>`, the bell with its badge, panel and toasts. One module, no dependency, no build step.
//
//   <script type="module" src="https://HUB/campanile.js"></script>
//   <campanile-bell></campanile-bell>

const HOME = new URL(import.meta.url).origin;

// ---------------------------------------------------------------------------------------------------------------------
// The client
// ---------------------------------------------------------------------------------------------------------------------

const EVENT_NAMES = ["connect", "alarm", "message", "state", "presence", "ping", "bye"];
const BACKOFF_BASE_MS = 1_000;
const BACKOFF_CAP_MS = 30_000;
const CONNECT_DEADLINE_MS = 15_000;
// The stream says something at least every second heartbeat; two and a half leave room for a slow network.
const SILENT_HEARTBEATS = 2.5;
// Tabs that say hello together cause one new request, not one each.
const GATHER_MS = 40;
// A page that is left is usually followed by another: wait before giving its rooms up.
const SHRINK_MS = 1_500;

const streams = new Map();

/**
 * Follows the hub. All clients of one user in one browser, in whatever tab, share one stream.
 *
 * Options: `hub` (origin, default: where this module came from), `token` (a string, or a function that gives or
 * promises one), `user` (the id that tabs share a stream under), `rooms` (ids, or "all"), `cursor` (last id already
 * known), `counts` (`{unseen, unread}` as of that id), and the callbacks `onConnect(data)`, `onAlarm(alarm, {replayed})`, `onMessage(alarm, {replayed})`,
 * `onState(data)`, `onCounts({unseen, unread})`, `onPresence(data)`, `onStatus(status)`, `onGap()`.
 * Gives `{close, setRooms, retry, status, counts, cursor}`.
 */
export function connect(options = {}) {
  const hub = new URL(options.hub || HOME, location.href).origin;
  const user = options.user || subjectOf(options.token);
  // Without a name for the user, tabs signed in as different people could hear each other.
  const key = user ? `campanile ${hub} ${user}` : null;
  let stream = key ? streams.get(key) : null;
  if (!stream) {
    stream = new Stream(hub, key, options.token);
    if (key) streams.set(key, stream);
  }
  return stream.join(options);
}

class Stream {
  constructor(hub, key, token) {
    this.hub = hub;
    this.key = key;
    this.token = token;
    this.listeners = new Set();
    this.tab = newId();
    this.tabs = new Map();
    this.counts = null;
    this.head = 0;
    this.status = { state: "connecting" };
    this.shared = Boolean(key && navigator.locks && window.BroadcastChannel);
    this.leading = false;
    this.started = false;
    addEventListener("pagehide", () => this.stop());
    addEventListener("pageshow", (event) => event.persisted && this.listeners.size && this.start());
    addEventListener("online", () => this.nudge());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.nudge());
  }

  join(options) {
    const listener = { on: options, rooms: toRooms(options.rooms), cursor: toId(options.cursor) };
    this.listeners.add(listener);
    if (!this.counts && options.counts) {
      this.counts = options.counts;
      this.head = listener.cursor ?? 0;
    }
    if (this.started) this.hello();
    else this.start();
    if (this.counts) options.onCounts?.(this.counts);
    options.onStatus?.(this.status);
    const stream = this;
    return {
      close: () => stream.leave(listener),
      setRooms: (rooms) => {
        listener.rooms = toRooms(rooms);
        stream.hello();
      },
      retry: () => stream.nudge(),
      get cursor() {
        return listener.cursor;
      },
      get counts() {
        return stream.counts;
      },
      get status() {
        return stream.status;
      },
    };
  }

  leave(listener) {
    this.listeners.delete(listener);
    if (this.listeners.size) this.hello();
    else this.stop();
  }

  // --- who holds the stream -----------------------------------------------------------------------------------------

  start() {
    if (this.started) return;
    this.started = true;
    if (!this.shared) {
      this.lead();
      return;
    }
    this.ending = new AbortController();
    const { signal } = this.ending;
    this.channel = new BroadcastChannel(this.key);
    this.channel.onmessage = (event) => this.heard(event.data);
    // Whoever asks for this lock later learns that this tab is gone, even if it crashed.
    hold(`${this.key} tab ${this.tab}`, signal, () => this.hello());
    hold(this.key, signal, () => this.lead());
  }

  stop() {
    if (!this.started) return;
    this.started = false;
    this.leading = false;
    this.source?.close();
    this.source = null;
    clearTimeout(this.gathering);
    this.tell({ kind: "goodbye" });
    this.channel?.close();
    this.channel = null;
    this.ending?.abort();
    this.tabs.clear();
  }

  lead() {
    if (!this.started) return;
    this.leading = true;
    this.source = new Source(this);
    this.tell({ kind: "leader" });
    this.hello();
  }

  /** Tells the leader, which may be this tab, what this tab needs. */
  hello() {
    const rooms = [...new Set([...this.listeners].flatMap((listener) => listener.rooms))];
    const cursor = lowest([...this.listeners].map((listener) => listener.cursor));
    if (this.leading) this.welcome({ tab: this.tab, rooms, cursor });
    else this.tell({ kind: "hello", rooms, cursor });
  }

  welcome({ tab, rooms, cursor }) {
    const known = this.tabs.has(tab);
    this.tabs.set(tab, rooms);
    if (!known && tab !== this.tab) {
      hold(`${this.key} tab ${tab}`, this.ending.signal, () => this.forget(tab), { release: true });
      // A page that opens now has a session, whatever ended the one before.
      if (this.source.ended) this.source = new Source(this);
    }
    this.source.wantFrom(cursor);
    this.gather(GATHER_MS);
    if (tab !== this.tab) this.tell({ kind: "welcome", to: tab, counts: this.counts, head: this.head, status: this.status });
  }

  forget(tab) {
    if (this.tabs.delete(tab)) this.gather(SHRINK_MS);
  }

  gather(delay) {
    clearTimeout(this.gathering);
    this.gathering = setTimeout(() => {
      const rooms = [...new Set([...this.tabs.values()].flat())].sort();
      this.source?.want(rooms);
    }, delay);
  }

  tell(message) {
    this.channel?.postMessage({ ...message, tab: this.tab });
  }

  heard(message) {
    switch (message.kind) {
      case "event": return this.leading || this.deliver(message);
      case "status": return this.leading || this.setStatus(message.status);
      case "leader": return this.hello();
      case "hello": return this.leading && this.welcome(message);
      case "goodbye": return this.leading && this.forget(message.tab);
      case "nudge": return this.leading && this.nudge();
      case "welcome": return message.to === this.tab && this.welcomed(message);
    }
  }

  welcomed({ counts, head, status }) {
    if (counts && head >= this.head) {
      this.head = head;
      this.setCounts(counts);
    }
    this.setStatus(status);
  }

  nudge() {
    if (this.leading) this.source?.nudge();
    else this.tell({ kind: "nudge" });
  }

  // --- what comes from it -------------------------------------------------------------------------------------------

  /** An event of the leader's source: for the other tabs, and for this one. */
  publish(name, id, data) {
    const event = { name, id, data, carried: this.source.carried };
    this.tell({ kind: "event", ...event });
    this.deliver(event);
  }

  publishStatus(status) {
    this.tell({ kind: "status", status });
    this.setStatus(status);
  }

  deliver({ name, id, data, carried }) {
    switch (name) {
      case "connect": return this.connected(data);
      case "alarm": return this.alarmed(id, data, carried);
      case "message": return this.each((one) => this.advance(one, id, carried) && wants(one, roomOf(data)) && call(one.on.onMessage, data, { replayed: id <= this.head }));
      case "state": return this.changed(data);
      case "presence": return this.each((one) => wants(one, data.roomId) && call(one.on.onPresence, data));
      case "ping": return this.each((one) => this.advance(one, toId(data.cursor), carried));
    }
  }

  connected(data) {
    this.head = data.head ?? data.cursor;
    this.setCounts({ unseen: data.unseen, unread: data.unread });
    this.each((one) => {
      // Ids start again below what a listener knows when the hub was given another database.
      if (data.gap || one.cursor === null) one.cursor = data.cursor;
      call(one.on.onConnect, data);
      if (data.gap) call(one.on.onGap);
    });
  }

  alarmed(id, alarm, carried) {
    const replayed = id <= this.head;
    if (!replayed && this.counts) {
      this.head = id;
      this.setCounts({
        unseen: this.counts.unseen + (alarm.seenAt ? 0 : 1),
        unread: this.counts.unread + (alarm.readAt ? 0 : 1),
      });
    }
    this.each((one) => this.advance(one, id, carried) && call(one.on.onAlarm, alarm, { replayed }));
  }

  changed(data) {
    // Counts taken before an alarm that was already added here would lose it.
    if (data.head >= this.head) {
      this.head = data.head;
      this.setCounts({ unseen: data.unseen, unread: data.unread });
    } else {
      this.recount();
    }
    this.each((one) => call(one.on.onState, data));
  }

  recount() {
    clearTimeout(this.recounting);
    this.recounting = setTimeout(async () => {
      const answer = await request(this.hub, this.token, "GET", "/api/alarms?limit=1").catch(() => null);
      if (answer && answer.meta.cursor >= this.head) {
        this.head = answer.meta.cursor;
        this.setCounts({ unseen: answer.meta.unseen, unread: answer.meta.unread });
      }
    }, 300);
  }

  /** A listener whose rooms the source does not carry yet stands still: what it misses meanwhile is replayed to it. */
  advance(listener, id, carried) {
    if (!carried.includes("all") && !listener.rooms.every((room) => carried.includes(room))) return false;
    if (id === null || (listener.cursor !== null && id <= listener.cursor)) return false;
    listener.cursor = id;
    return true;
  }

  setCounts({ unseen, unread }) {
    this.counts = { unseen: Math.max(0, unseen), unread: Math.max(0, unread) };
    this.each((one) => call(one.on.onCounts, this.counts));
  }

  setStatus(status) {
    this.status = status;
    this.each((one) => call(one.on.onStatus, status));
  }

  each(visit) {
    for (const listener of [...this.listeners]) visit(listener);
  }
}

/** The one EventSource of a browser. It closes and reopens it itself: the browser gives up for ever on any answer but 200. */
class Source {
  constructor(stream) {
    this.stream = stream;
    this.rooms = null;
    this.carried = [];
    this.cursor = null;
    this.from = null;
    this.attempts = 0;
    this.silence = CONNECT_DEADLINE_MS;
    this.watchdog = setInterval(() => this.watch(), 1_000);
  }

  /** The next request starts no later than here. */
  wantFrom(cursor) {
    if (cursor === null) return;
    if (this.cursor === null || cursor < this.cursor) this.from = lowest([this.from, cursor]);
  }

  want(rooms) {
    const same = this.rooms !== null && this.rooms.join() === rooms.join() && this.from === null;
    this.rooms = rooms;
    if (!same && !this.ended) this.open();
  }

  async open() {
    clearTimeout(this.retrying);
    const turn = (this.turn = Symbol("turn"));
    const token = await tokenOf(this.stream.token).catch(() => null);
    if (turn !== this.turn) return;
    this.cursor = lowest([this.from, this.cursor]);
    this.from = null;
    const retired = this.current;
    if (retired) retired.onerror = null;
    this.retired?.close();
    // Kept open, unheard, until the new one lives: so nobody sees this user leave a room and come back.
    this.retired = retired;
    const here = this.stream.hub === location.origin;
    const source = new EventSource(this.address(token), { withCredentials: !here });
    this.current = source;
    this.carried = this.rooms;
    this.live = false;
    this.silence = CONNECT_DEADLINE_MS;
    this.heardAt = Date.now();
    source.onerror = () => this.lost(source);
    for (const name of EVENT_NAMES) {
      source.addEventListener(name, (event) => source === this.current && this.receive(name, event));
    }
  }

  address(token) {
    const url = new URL("/api/stream", this.stream.hub);
    for (const room of this.rooms) {
      if (room === "all") url.searchParams.append("rooms", "all");
      else url.searchParams.append("room", room);
    }
    if (this.cursor !== null) url.searchParams.set("cursor", this.cursor);
    if (token) url.searchParams.set("token", token);
    return url;
  }

  receive(name, event) {
    this.heardAt = Date.now();
    const data = parse(event.data);
    if (data === undefined) return;
    const id = toId(event.lastEventId);
    if (name === "bye") return this.dismissed(data);
    if (name === "connect") this.connected(data);
    else if (name === "ping") this.cursor = Math.max(this.cursor ?? 0, toId(data.cursor) ?? 0);
    else if (name !== "state" && name !== "presence" && id !== null) this.cursor = id;
    this.stream.publish(name, id, data);
  }

  connected(data) {
    this.retired?.close();
    this.retired = null;
    this.live = true;
    this.attempts = 0;
    this.cursor = data.cursor;
    this.silence = data.heartbeatSeconds * SILENT_HEARTBEATS * 1_000;
    this.stream.publishStatus({ state: "live" });
  }

  dismissed({ reason, reconnect }) {
    this.drop();
    if (!reconnect || (reason === "expired" && typeof this.stream.token !== "function")) return this.end(reason);
    // A hub that stops sends everyone away at once; they must not come back at once.
    this.attempts = reason === "slow" ? 0 : 1;
    this.later();
  }

  async lost(source) {
    if (source !== this.current) return;
    const neverLived = !this.live;
    this.drop();
    this.later();
    // EventSource does not tell why. Somebody who is signed out must not knock for ever.
    if (neverLived && (await this.refused())) this.end("logout");
  }

  async refused() {
    const answer = await request(this.stream.hub, this.stream.token, "GET", "/api/auth/me").catch((error) => error);
    return answer instanceof RequestError && (answer.status === 401 || answer.status === 403) && typeof this.stream.token !== "function";
  }

  later() {
    const ceiling = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** this.attempts);
    const delay = 100 + Math.random() * ceiling;
    this.attempts += 1;
    clearTimeout(this.retrying);
    this.retrying = setTimeout(() => this.open(), delay);
    this.waiting = true;
    this.stream.publishStatus({ state: "waiting", retryAt: Date.now() + delay });
  }

  /** Something suggests that the network, or the person, is back. */
  nudge() {
    if (this.ended || this.rooms === null) return;
    if (!this.current) this.open();
    else this.watch();
  }

  watch() {
    if (!this.current || Date.now() - this.heardAt <= this.silence) return;
    this.drop();
    this.later();
  }

  drop() {
    this.turn = null;
    this.retired?.close();
    this.retired = null;
    this.current?.close();
    this.current = null;
    this.live = false;
  }

  end(reason) {
    this.ended = true;
    this.close();
    this.stream.publishStatus({ state: "ended", reason });
  }

  close() {
    this.drop();
    clearTimeout(this.retrying);
    clearInterval(this.watchdog);
  }
}

// --- asking the hub ---------------------------------------------------------------------------------------------------

/** An answer that is not a success: `status`, `code` and a sentence for the person. */
export class RequestError extends Error {
  constructor(status, problem) {
    super(problem?.detail || problem?.title || `The hub answered ${status}.`);
    this.status = status;
    this.code = problem?.code;
  }
}

/** One JSON request to the hub. Rejects with a RequestError, or with the network's own error. */
export async function request(hub, token, method, path, body, headers = {}) {
  const bearer = await tokenOf(token);
  const answer = await fetch(new URL(path, hub), {
    method,
    credentials: hub === location.origin ? "same-origin" : "include",
    keepalive: method !== "GET",
    signal: AbortSignal.timeout?.(15_000),
    headers: {
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(bearer ? { authorization: `Bearer ${bearer}` } : {}),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  const value = text ? parse(text) : null;
  if (!answer.ok) throw new RequestError(answer.status, value);
  return value;
}

/** An id for what has not reached the hub yet. `randomUUID` is missing on plain HTTP. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function hold(name, signal, then, { release = false } = {}) {
  try {
    await navigator.locks.request(name, { signal }, () => {
      if (signal.aborted) return undefined;
      then();
      return release ? undefined : new Promise((done) => signal.addEventListener("abort", done, { once: true }));
    });
  } catch (error) {
    if (error.name !== "AbortError") console.warn("campanile: no lock", error);
  }
}

function call(callback, ...args) {
  if (!callback) return;
  try {
    callback(...args);
  } catch (error) {
    // One page's fault must not end the stream of all.
    console.error("campanile: a callback failed", error);
  }
}

async function tokenOf(token) {
  return typeof token === "function" ? token() : token;
}

function subjectOf(token) {
  if (typeof token !== "string") return null;
  const claims = token.split(".")[1];
  if (!claims) return null;
  try {
    return JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/"))).sub ?? null;
  } catch {
    return null;
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function toId(value) {
  if (value === null || value === undefined || value === "") return null;
  const id = Number(value);
  return Number.isSafeInteger(id) && id >= 0 ? id : null;
}

function toRooms(rooms) {
  if (!rooms) return [];
  return typeof rooms === "string" ? rooms.split(/[\s,]+/).filter(Boolean) : [...rooms].map(String);
}

function lowest(ids) {
  const known = ids.filter((id) => id !== null);
  return known.length ? Math.min(...known) : null;
}

function wants(listener, room) {
  return listener.rooms.includes(room) || listener.rooms.includes("all");
}

function roomOf(alarm) {
  return String(alarm.topic ?? "").replace(/^room:/, "");
}

// ---------------------------------------------------------------------------------------------------------------------
// Words and times
// ---------------------------------------------------------------------------------------------------------------------

const DATE_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const TIME = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", month: "long", day: "numeric" });
const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const STEPS = [[60, "second"], [60, "minute"], [24, "hour"], [7, "day"], [4.35, "week"], [12, "month"], [Infinity, "year"]];

/** "5 minutes ago". */
export function relativeTime(date, now = Date.now()) {
  let amount = (date.getTime() - now) / 1_000;
  if (Math.abs(amount) < 45) return RELATIVE.format(0, "second");
  for (const [size, unit] of STEPS) {
    if (Math.abs(amount) < size) return RELATIVE.format(Math.round(amount), unit);
    amount /= size;
  }
  return "";
}

/** Makes the UTC times a server wrote local: `data-format` is `time`, `relative`, or nothing for both date and time. */
export function localTimes(root = document) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const date = new Date(element.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    const { format } = element.dataset;
    element.title = DATE_TIME.format(date);
    element.textContent = format === "relative" ? relativeTime(date) : (format === "time" ? TIME : DATE_TIME).format(date);
  }
}

/** "Today", "Yesterday", or the day. */
export function dayName(date) {
  const days = Math.round((startOfDay(new Date()) - startOfDay(date)) / 86_400_000);
  if (days === 0 || days === 1) {
    const word = RELATIVE.format(-days, "day");
    return word.charAt(0).toUpperCase() + word.slice(1);
  }
  return DAY.format(date);
}

function startOfDay(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

/** NEW_COMMENT_ON_POST becomes "New comment on post". */
export function typeInWords(alarmType) {
  const words = alarmType.replaceAll("_", " ").trim().toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The one line that says what an alarm is about. */
export function summaryOf(alarm) {
  const { data } = alarm;
  if (typeof data === "string") return data;
  if (data === null || data === undefined) return "";
  if (typeof data !== "object") return String(data);
  for (const name of ["title", "text", "message", "body"]) {
    if (typeof data[name] === "string" && data[name]) return data[name];
  }
  return Object.keys(data).length ? JSON.stringify(data) : "";
}

/** A link is followed only if it cannot run anything. */
export function safeUrl(url) {
  if (typeof url !== "string") return null;
  if (/^\/(?![/\\])/.test(url)) return url;
  return /^https?:\/\//i.test(url) ? url : null;
}

/** `element("p.note", {title: "…"}, "text", child)`: text is only ever text. */
export function element(selector, attributes = {}, ...children) {
  const [name, ...classes] = selector.split(".");
  const made = document.createElement(name);
  if (classes.length) made.className = classes.join(" ");
  for (const [attribute, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(attribute, value);
    else if (value === true) made.setAttribute(attribute, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(attribute, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "cb-icon");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

const BELL = "M6 9a6 6 0 0 1 12 0c0 5 2 6.5 2 7.5H4C4 15.5 6 14 6 9zM10 20a2.2 2.2 0 0 0 4 0";
const CHECK = "M5 12.5l4.5 4.5L19 7.5";
const DOT = "M12 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z";
const CROSS = "M6.5 6.5l11 11M17.5 6.5l-11 11";

// ---------------------------------------------------------------------------------------------------------------------
// The bell
// ---------------------------------------------------------------------------------------------------------------------

const PANEL_ROWS = 30;
const SKELETON_AFTER_MS = 200;
const ANNOUNCE_AFTER_MS = 1_000;
const TOAST_MS = 6_000;
const MOST_TOASTS = 3;
const TROUBLE_AFTER_MS = 2_000;
const BAR_AFTER_MS = 10_000;
const RECOVERED_MS = 2_000;

/**
 * The bell. Attributes: `hub`, `token` (another site's), `user`, `rooms` (ids or "all": their messages become toasts),
 * `room` (the one being looked at), `cursor`, `unseen`, `unread` (what the server rendered), `inbox` (the full list).
 * The property `token` may be set to a function.
 */
export class CampanileBell extends HTMLElement {
  #parts = null;
  #panel = null;
  #toasts = null;
  #connection = null;

  connectedCallback() {
    adoptSheet();
    this.hub = new URL(this.getAttribute("hub") || HOME, location.href).origin;
    this.token ??= this.getAttribute("token") ?? undefined;
    this.title0 = document.title;
    this.#parts = this.#build();
    this.#panel = new Panel(this, this.#parts);
    this.#toasts = new Toasts(this.#parts.toasts);
    this.#connection = new ConnectionNotice(this.#parts.notice, () => this.client.retry());
    const attribute = (name) => this.getAttribute(name);
    const counts = attribute("unseen") === null ? null : { unseen: Number(attribute("unseen")), unread: Number(attribute("unread")) };
    if (counts) this.#showCounts(counts);
    this.missed = 0;
    this.client = connect({
      hub: this.hub,
      token: this.token,
      user: attribute("user"),
      rooms: attribute("rooms"),
      cursor: attribute("cursor"),
      counts,
      onCounts: (now) => this.#showCounts(now),
      onAlarm: (alarm, how) => this.#alarmed(alarm, how),
      onMessage: (alarm, how) => how.replayed || this.#said(alarm),
      onState: (data) => this.#panel.apply(data),
      onStatus: (status) => this.#connection.show(status),
      onGap: () => this.#panel.reload(),
    });
  }

  disconnectedCallback() {
    this.client?.close();
    this.#panel?.dispose();
    this.#connection?.dispose();
    this.#parts?.toasts.remove();
    document.title = this.title0;
  }

  ask(method, path, body) {
    return request(this.hub, this.token, method, path, body);
  }

  #build() {
    const badge = element("span.cb-badge", { hidden: true, "aria-hidden": "true" });
    const button = element("button.cb-button", { type: "button", "aria-expanded": "false", "aria-haspopup": "dialog" }, icon(BELL), badge);
    const live = element("span.cb-hidden", { role: "status", "aria-live": "polite" });
    const toasts = element("div.cb-toasts", { role: "region", "aria-label": "New notifications" });
    const notice = document.querySelector("[data-campanile-status]") ?? element("div.cb-floating");
    this.replaceChildren(button, live, ...(notice.isConnected ? [] : [notice]));
    // Outside the bar, which may be a containing block for what is fixed.
    document.body.append(toasts);
    return { badge, button, live, toasts, notice };
  }

  #showCounts({ unseen }) {
    const { badge, button } = this.#parts;
    badge.hidden = unseen === 0;
    badge.textContent = unseen > 99 ? "99+" : String(unseen);
    button.setAttribute("aria-label", unseen ? `Notifications, ${unseen} new` : "Notifications");
    document.title = unseen ? `(${unseen > 99 ? "99+" : unseen}) ${this.title0}` : this.title0;
  }

  #alarmed(alarm, { replayed }) {
    this.#panel.arrived(alarm);
    this.dispatchEvent(new CustomEvent("campanile-alarm", { bubbles: true, detail: alarm }));
    if (replayed) {
      // Right after a page was loaded nothing was missed: it was only on its way.
      this.missed += 1;
      this.#later("missing", 400, () => this.#toastMissed());
      return;
    }
    this.announced = (this.announced ?? 0) + 1;
    this.#later("announcing", ANNOUNCE_AFTER_MS, () => {
      const count = this.announced;
      this.announced = 0;
      this.#parts.live.textContent = count === 1 ? `New notification: ${typeInWords(alarm.alarmType)}` : `${count} new notifications`;
    });
    if (!this.#quiet()) this.#toasts.show(toastOfAlarm(alarm));
  }

  #toastMissed() {
    const count = this.missed;
    this.missed = 0;
    if (this.#connection.hadTrouble && !this.#quiet()) {
      this.#toasts.show({ title: count === 1 ? "1 new while you were away" : `${count} new while you were away`, url: this.getAttribute("inbox") });
    }
  }

  async #said(alarm) {
    const room = roomOf(alarm);
    const looking = this.getAttribute("room") === room && document.hasFocus();
    if (looking || alarm.fromUserId === this.getAttribute("user") || this.#quiet()) return;
    const name = await this.#roomName(room);
    const ring = alarm.alarmType === "ROOM_RING";
    this.#toasts.show({
      title: ring ? `${alarm.fromUserId} rings ${name}` : `${alarm.fromUserId} in ${name}`,
      text: summaryOf(alarm),
      url: this.hub === location.origin ? `/rooms/${encodeURIComponent(room)}` : null,
    });
  }

  async #roomName(id) {
    if (!this.rooms?.has(id)) {
      const rooms = await this.ask("GET", "/api/rooms").catch(() => []);
      this.rooms = new Map(rooms.map((room) => [room.id, room.name]));
    }
    return this.rooms.get(id) ?? id;
  }

  #quiet() {
    return this.#panel.open || document.visibilityState !== "visible" || !document.hasFocus();
  }

  #later(name, delay, then) {
    clearTimeout(this[name]);
    this[name] = setTimeout(then, delay);
  }
}

function toastOfAlarm(alarm) {
  return {
    title: typeInWords(alarm.alarmType),
    text: [alarm.fromUserId, summaryOf(alarm)].filter(Boolean).join(": "),
    url: safeUrl(alarm.url),
  };
}

/** The list under the bell: what is in it, what is done to it, how the keyboard moves in it. */
class Panel {
  constructor(bell, parts) {
    this.bell = bell;
    this.button = parts.button;
    this.open = false;
    this.unreadOnly = false;
    this.alarms = [];
    this.waiting = [];
    this.root = this.#build();
    bell.append(this.root);
    this.button.addEventListener("click", () => (this.open ? this.close() : this.show()));
    this.outside = (event) => this.open && !bell.contains(event.target) && this.close({ focus: false });
    this.keys = (event) => this.open && this.#key(event);
    document.addEventListener("pointerdown", this.outside);
    bell.addEventListener("keydown", this.keys);
  }

  dispose() {
    document.removeEventListener("pointerdown", this.outside);
    this.bell.removeEventListener("keydown", this.keys);
  }

  #build() {
    const tab = (label, unreadOnly) =>
      element("button.cb-tab", { type: "button", role: "tab", "aria-selected": String(!unreadOnly), click: () => this.#choose(unreadOnly) }, label);
    this.tabs = [tab("Inbox", false), tab("Unread", true)];
    this.list = element("ul.cb-list", { role: "tabpanel", "aria-label": "Notifications" });
    this.note = element("div.cb-note", { role: "status" });
    this.pill = element("button.cb-pill", { type: "button", hidden: true, click: () => this.#takeWaiting() });
    this.all = element("button.cb-text-button", { type: "button", click: () => this.#readAll() }, "Mark all as read");
    const inbox = this.bell.getAttribute("inbox");
    return element(
      "div.cb-panel",
      { role: "dialog", "aria-label": "Notifications", tabindex: "-1", hidden: true },
      element("div.cb-head", {}, element("strong.cb-title", {}, "Notifications"), this.all, this.#closeButton()),
      element("div.cb-tabs", { role: "tablist", "aria-label": "Which notifications" }, ...this.tabs),
      this.pill,
      element("div.cb-scroll", {}, this.note, this.list),
      inbox ? element("a.cb-foot", { href: inbox }, "See all notifications") : null,
    );
  }

  #closeButton() {
    return element("button.cb-row-button.cb-close", { type: "button", "aria-label": "Close", click: () => this.close() }, icon(CROSS));
  }

  show() {
    this.open = true;
    this.root.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    this.root.focus({ preventScroll: true });
    this.reload();
  }

  close({ focus = true } = {}) {
    this.open = false;
    this.root.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
    if (focus) this.button.focus();
  }

  #choose(unreadOnly) {
    this.unreadOnly = unreadOnly;
    this.tabs.forEach((tab, index) => tab.setAttribute("aria-selected", String(Boolean(index) === unreadOnly)));
    this.reload();
  }

  async reload() {
    if (!this.open) return;
    const turn = (this.turn = Symbol("turn"));
    const skeleton = setTimeout(() => this.alarms.length || this.#skeleton(), SKELETON_AFTER_MS);
    try {
      const status = this.unreadOnly ? "unread" : "all";
      const page = await this.bell.ask("GET", `/api/alarms?limit=${PANEL_ROWS}&status=${status}`);
      if (turn !== this.turn) return;
      this.alarms = page.items;
      this.waiting = [];
      this.#say();
      this.#render();
      this.#seen();
    } catch (error) {
      // Old rows are better than none.
      if (turn === this.turn) this.#failed(error);
    } finally {
      clearTimeout(skeleton);
    }
  }

  /** A new alarm: while the panel is open it waits behind a pill, so that nothing moves under the pointer. */
  arrived(alarm) {
    if (!this.open) return;
    if (this.alarms.some((known) => known.id === alarm.id) || this.waiting.some((known) => known.id === alarm.id)) return;
    this.waiting.unshift(alarm);
    if (this.alarms.length === 0) this.#takeWaiting();
    else this.#renderPill();
  }

  /** What this person did in another tab or on another device. */
  apply(data) {
    const named = new Set(data.ids ?? []);
    if (data.deleted) this.alarms = this.alarms.filter((alarm) => !named.has(alarm.id));
    for (const alarm of this.alarms) {
      const meant = named.has(alarm.id) || (data.upTo !== undefined && alarm.id <= data.upTo);
      if (meant && data.read !== undefined) alarm.readAt = data.read ? (alarm.readAt ?? new Date().toISOString()) : null;
    }
    if (this.open) this.#render();
  }

  #takeWaiting() {
    this.alarms = [...this.waiting, ...this.alarms];
    this.waiting = [];
    this.#say();
    this.#render();
    this.#seen();
    this.list.querySelector(".cb-main")?.focus();
  }

  #seen() {
    const newest = this.alarms[0]?.id;
    if (newest && this.bell.client.counts?.unseen) this.bell.ask("POST", "/api/alarms/seen", { upTo: newest }).catch(() => {});
  }

  #readAll() {
    const newest = this.alarms[0]?.id;
    if (newest) this.#change(() => this.bell.ask("POST", "/api/alarms/read", { upTo: newest }), { upTo: newest, read: true });
  }

  /** Shows a change at once, and the truth again should the hub refuse it. */
  async #change(ask, shown) {
    this.apply(shown);
    try {
      await ask();
    } catch (error) {
      await this.reload();
      this.#failed(error);
    }
  }

  #render() {
    const focused = this.list.contains(document.activeElement) ? document.activeElement : null;
    const position = focused ? [...this.list.children].findIndex((row) => row.contains(focused)) : -1;
    const shown = this.unreadOnly ? this.alarms.filter((alarm) => !alarm.readAt) : this.alarms;
    this.list.replaceChildren(...shown.map((alarm) => this.#row(alarm)));
    this.all.hidden = !this.alarms.some((alarm) => !alarm.readAt);
    this.#renderPill();
    if (!shown.length && !this.note.firstChild) this.#say("You’re all caught up", "New notifications appear here at once.");
    else if (shown.length && this.note.dataset.empty) this.#say();
    if (focused) this.#focusRow(Math.min(position, shown.length - 1), focused.dataset.act);
  }

  #focusRow(position, act) {
    const row = this.list.children[position];
    const target = row?.querySelector(act ? `[data-act="${act}"]` : ".cb-main");
    (target ?? this.root).focus();
  }

  #renderPill() {
    this.pill.hidden = this.waiting.length === 0;
    this.pill.textContent = `${this.waiting.length} new`;
  }

  #row(alarm) {
    const unread = !alarm.readAt;
    const url = safeUrl(alarm.url);
    const created = new Date(alarm.createdAt);
    const summary = summaryOf(alarm);
    const text = [
      unread ? element("span.cb-hidden", {}, "Unread ") : null,
      element("span.cb-what", {}, alarm.fromUserId ? element("b", {}, alarm.fromUserId) : null, alarm.fromUserId ? " · " : null, typeInWords(alarm.alarmType)),
      summary ? element("span.cb-summary", {}, summary) : null,
      element("time.cb-time", { datetime: alarm.createdAt, title: DATE_TIME.format(created) }, relativeTime(created)),
    ];
    const follow = { click: () => unread && this.#mark(alarm, true), "data-act": "follow" };
    const main = url ? element("a.cb-main", { href: url, ...follow }, ...text) : element("button.cb-main", { type: "button", ...follow }, ...text);
    return element("li.cb-row", { "data-unread": unread, "data-id": alarm.id }, main, this.#readButton(alarm, unread), this.#deleteButton(alarm));
  }

  #readButton(alarm, unread) {
    const label = unread ? "Mark as read" : "Mark as unread";
    return element("button.cb-row-button", { type: "button", title: label, "aria-label": label, "data-act": "read", click: () => this.#mark(alarm, unread) }, icon(unread ? CHECK : DOT));
  }

  #deleteButton(alarm) {
    const remove = () => this.#change(() => this.bell.ask("DELETE", `/api/alarms/${alarm.id}`), { ids: [alarm.id], deleted: true });
    return element("button.cb-row-button", { type: "button", title: "Delete", "aria-label": "Delete", "data-act": "delete", click: remove }, icon(CROSS));
  }

  #mark(alarm, read) {
    return this.#change(() => this.bell.ask("POST", `/api/alarms/${alarm.id}/${read ? "read" : "unread"}`), { ids: [alarm.id], read });
  }

  #say(title, text, ...more) {
    this.note.replaceChildren(...(title ? [element("strong", {}, title), element("span", {}, text ?? ""), ...more] : []));
    this.note.toggleAttribute("data-empty", Boolean(title) && !more.length);
  }

  #failed(error) {
    const offline = !navigator.onLine;
    const again = element("button.cb-text-button", { type: "button", click: () => this.reload() }, "Try again");
    this.#say(offline ? "You are offline" : "That did not work", offline ? "What is shown may be old." : error instanceof RequestError ? error.message : "The hub cannot be reached.", again);
  }

  #skeleton() {
    this.list.replaceChildren(...[1, 2, 3].map(() => element("li.cb-row.cb-skeleton", { "aria-hidden": "true" }, element("span.cb-main", {}, element("i"), element("i")))));
  }

  #key(event) {
    if (event.key === "Escape") {
      event.stopPropagation();
      this.close();
      return;
    }
    const rows = [...this.list.querySelectorAll(".cb-main")];
    const here = rows.findIndex((row) => row.parentElement.contains(document.activeElement));
    const moves = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: rows.length - 1 };
    if (!(event.key in moves) || !rows.length) return;
    event.preventDefault();
    rows[Math.max(0, Math.min(rows.length - 1, moves[event.key]))].focus();
  }
}

/** At most three cards, bottom right, each for six seconds that stop while somebody looks at it. */
class Toasts {
  constructor(root) {
    this.root = root;
  }

  show({ title, text, url }) {
    const inner = [element("strong.cb-toast-title", {}, title), text ? element("span.cb-toast-text", {}, text) : null];
    const body = url ? element("a.cb-toast-body", { href: url }, ...inner) : element("div.cb-toast-body", {}, ...inner);
    const close = element("button.cb-row-button", { type: "button", "aria-label": "Dismiss", click: () => toast.remove() }, icon(CROSS));
    const toast = element("div.cb-toast", {}, body, close);
    let timer;
    const run = () => (timer = setTimeout(() => toast.remove(), TOAST_MS));
    for (const pause of ["pointerenter", "focusin"]) toast.addEventListener(pause, () => clearTimeout(timer));
    for (const resume of ["pointerleave", "focusout"]) toast.addEventListener(resume, () => (clearTimeout(timer), run()));
    this.root.append(toast);
    while (this.root.children.length > MOST_TOASTS) this.root.firstElementChild.remove();
    run();
  }
}

/** Says nothing while all is well; a word after two seconds of trouble, a bar after ten. */
class ConnectionNotice {
  constructor(root, retry) {
    this.root = root;
    this.retry = retry;
    this.hadTrouble = false;
    this.since = null;
    this.root.classList.add("cb-status");
    this.root.setAttribute("role", "status");
    this.root.hidden = true;
  }

  dispose() {
    clearInterval(this.ticking);
    clearTimeout(this.recovered);
  }

  show(status) {
    this.status = status;
    if (status.state === "live") this.#live();
    else if (status.state === "ended") this.#ended(status.reason);
    else this.#trouble();
  }

  #live() {
    const shown = !this.root.hidden;
    this.dispose();
    this.since = null;
    this.root.hidden = true;
    if (!shown) return;
    this.#put("ok", "Back online");
    this.recovered = setTimeout(() => (this.root.hidden = true), RECOVERED_MS);
  }

  #trouble() {
    if (this.status.state === "waiting") this.hadTrouble = true;
    this.since ??= Date.now();
    clearInterval(this.ticking);
    clearTimeout(this.recovered);
    this.ticking = setInterval(() => this.#tick(), 500);
  }

  #tick() {
    const trouble = Date.now() - this.since;
    if (trouble < TROUBLE_AFTER_MS) return;
    if (trouble < BAR_AFTER_MS) {
      this.#put("soft", "Reconnecting…");
      return;
    }
    const seconds = Math.max(0, Math.ceil(((this.status.retryAt ?? Date.now()) - Date.now()) / 1_000));
    const words = seconds ? `No live updates. Retrying in ${seconds} s` : "No live updates. Retrying…";
    if (this.root.dataset.kind === "bar" && !this.root.hidden) this.root.firstElementChild.textContent = words;
    else this.#put("bar", words, element("button.cb-text-button", { type: "button", click: () => this.retry() }, "Retry now"));
  }

  #ended(reason) {
    this.dispose();
    const words = reason === "kicked" ? "This account can no longer connect." : "You are signed out.";
    const next = location.pathname + location.search;
    const here = this.root.closest("body")?.dataset.user;
    this.#put("bar", words, here ? element("a.cb-text-button", { href: `/?next=${encodeURIComponent(next)}` }, "Sign in") : null);
  }

  #put(kind, words, more = null) {
    this.root.dataset.kind = kind;
    this.root.hidden = false;
    this.root.replaceChildren(element("span", {}, words), ...(more ? [more] : []));
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Its look
// ---------------------------------------------------------------------------------------------------------------------

// A constructed sheet: it needs no second request, and a strict style-src lets it through. A site changes the colours by
// setting the --campanile-* properties on the element or above it.
const SHEET = `
campanile-bell, .cb-toasts, .cb-status {
  --cb-surface: var(--campanile-surface, #ffffff);
  --cb-raised: var(--campanile-raised, #f3f5f6);
  --cb-text: var(--campanile-text, #1b2426);
  --cb-muted: var(--campanile-muted, #566366);
  --cb-line: var(--campanile-line, #dce2e3);
  --cb-accent: var(--campanile-accent, #0b6e69);
  --cb-alert: var(--campanile-alert, #c02f2f);
  --cb-shadow: 0 12px 32px rgb(10 25 30 / .16), 0 2px 6px rgb(10 25 30 / .08);
}
@media (prefers-color-scheme: dark) {
  campanile-bell, .cb-toasts, .cb-status {
    --cb-surface: var(--campanile-surface, #1a2124);
    --cb-raised: var(--campanile-raised, #242d30);
    --cb-text: var(--campanile-text, #e7edee);
    --cb-muted: var(--campanile-muted, #9eabae);
    --cb-line: var(--campanile-line, #333e42);
    --cb-accent: var(--campanile-accent, #5fcbc1);
    --cb-alert: var(--campanile-alert, #e0524f);
    --cb-shadow: 0 12px 32px rgb(0 0 0 / .5), 0 2px 6px rgb(0 0 0 / .4);
  }
}
campanile-bell { position: relative; display: inline-block; line-height: 1.4; }
campanile-bell [hidden], .cb-status[hidden] { display: none !important; }
.cb-toasts { position: fixed; z-index: 70; right: 20px; bottom: 20px; display: flex; flex-direction: column; gap: 10px; width: min(360px, calc(100vw - 24px)); }
.cb-status { display: flex; align-items: center; justify-content: center; gap: 8px; padding: 4px 16px; min-height: 36px; background: var(--cb-raised); color: var(--cb-text); border-bottom: 1px solid var(--cb-line); font-size: 14px; }
.cb-status[data-kind=soft] { color: var(--cb-muted); }
.cb-floating { position: fixed; z-index: 65; top: 0; left: 0; right: 0; }
/* Nested, so that a site's own rules for buttons and links lose against these. */
:is(campanile-bell, .cb-toasts, .cb-status) {
  button { min-height: 0; margin: 0; padding: 0; border: 0; border-radius: 0; background: none; color: inherit; font: inherit; letter-spacing: normal; text-transform: none; box-shadow: none; cursor: pointer; }
  .cb-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
  .cb-icon { width: 20px; height: 20px; fill: none; stroke: currentColor; stroke-width: 1.7; stroke-linecap: round; stroke-linejoin: round; }
  .cb-button { position: relative; display: grid; place-items: center; width: 40px; height: 40px; padding: 0; border: 0; border-radius: 10px; background: none; color: inherit; }
  .cb-button:hover, .cb-button[aria-expanded=true] { background: var(--cb-raised); }
  .cb-button .cb-icon { width: 22px; height: 22px; }
  .cb-badge { position: absolute; top: 1px; right: 0; min-width: 18px; padding: 0 5px; border-radius: 9px; background: var(--cb-alert); color: #fff; font-size: 11px; font-weight: 700; line-height: 18px; text-align: center; box-shadow: 0 0 0 2px var(--cb-surface); }
  :focus-visible { outline: 2px solid var(--cb-accent); outline-offset: -2px; }
  .cb-panel { position: absolute; z-index: 60; top: calc(100% + 8px); right: 0; display: flex; flex-direction: column; width: 400px; max-height: min(600px, calc(100vh - 90px)); overflow: hidden; border: 1px solid var(--cb-line); border-radius: 16px; background: var(--cb-surface); color: var(--cb-text); box-shadow: var(--cb-shadow); text-align: start; font-size: 15px; }
  .cb-panel:focus { outline: none; }
  .cb-head { display: flex; align-items: center; gap: 8px; padding: 12px 10px 4px 18px; }
  .cb-title { flex: 1; font-size: 17px; }
  .cb-text-button { border: 0; padding: 6px 8px; border-radius: 8px; background: none; color: var(--cb-accent); font-size: 14px; font-weight: 600; text-decoration: none; }
  .cb-text-button:hover { text-decoration: underline; }
  .cb-tabs { display: flex; gap: 4px; padding: 0 14px; border-bottom: 1px solid var(--cb-line); }
  .cb-tab { padding: 8px 6px; margin: 0 4px -1px; border: 0; border-bottom: 2px solid transparent; background: none; color: var(--cb-muted); font-size: 14px; font-weight: 600; }
  .cb-tab[aria-selected=true] { color: var(--cb-text); border-color: var(--cb-accent); }
  .cb-pill { position: absolute; z-index: 1; top: 96px; left: 50%; transform: translateX(-50%); padding: 5px 14px; border: 0; border-radius: 99px; background: var(--cb-accent); color: var(--cb-surface); font-size: 13px; font-weight: 600; box-shadow: var(--cb-shadow); }
  .cb-scroll { flex: 1; overflow-y: auto; overscroll-behavior: contain; }
  .cb-note:empty { display: none; }
  .cb-note { display: flex; flex-direction: column; align-items: center; gap: 4px; padding: 16px 24px; color: var(--cb-muted); text-align: center; font-size: 14px; }
  .cb-note[data-empty] { padding: 48px 24px; }
  .cb-note strong { color: var(--cb-text); font-size: 15px; }
  .cb-list { list-style: none; margin: 0; padding: 6px; }
  .cb-row { display: flex; align-items: flex-start; border-radius: 10px; }
  .cb-row:hover, .cb-row:focus-within { background: var(--cb-raised); }
  .cb-main { position: relative; flex: 1; min-width: 0; display: flex; flex-direction: column; gap: 1px; align-items: flex-start; justify-content: flex-start; padding: 9px 6px 9px 26px; border-radius: 10px; color: var(--cb-text); font-weight: 400; text-align: start; text-decoration: none; }
  .cb-what, .cb-summary { overflow-wrap: anywhere; }
  .cb-what { font-size: 14px; color: var(--cb-muted); }
  .cb-what b { color: var(--cb-text); font-weight: 600; }
  .cb-summary { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; }
  .cb-time { color: var(--cb-muted); font-size: 13px; }
  .cb-row[data-unread] .cb-summary, .cb-row[data-unread] .cb-what { color: var(--cb-text); font-weight: 600; }
  .cb-row[data-unread] .cb-main::before { content: ""; position: absolute; left: 10px; top: 16px; width: 8px; height: 8px; border-radius: 50%; background: var(--cb-accent); }
  .cb-row-button { display: grid; place-items: center; flex: none; width: 34px; height: 34px; margin: 4px 2px 0 0; padding: 0; border: 0; border-radius: 8px; background: none; color: var(--cb-muted); }
  .cb-row-button:hover { background: var(--cb-line); color: var(--cb-text); }
  .cb-row-button .cb-icon { width: 17px; height: 17px; }
  .cb-foot { padding: 12px; border-top: 1px solid var(--cb-line); color: var(--cb-accent); text-align: center; text-decoration: none; font-size: 14px; font-weight: 600; }
  .cb-foot:hover { background: var(--cb-raised); }
  .cb-skeleton i { display: block; height: 12px; width: 70%; margin: 4px 0; border-radius: 6px; background: var(--cb-line); }
  .cb-skeleton i + i { width: 40%; }
  .cb-toast { display: flex; align-items: flex-start; border: 1px solid var(--cb-line); border-radius: 12px; background: var(--cb-surface); color: var(--cb-text); box-shadow: var(--cb-shadow); animation: cb-in .2s ease-out; font-size: 15px; }
  .cb-toast-body { flex: 1; min-width: 0; display: flex; flex-direction: column; gap: 2px; padding: 12px 4px 12px 16px; color: inherit; text-decoration: none; overflow-wrap: anywhere; border-radius: 12px; }
  .cb-toast-title { font-size: 15px; }
  .cb-toast-text { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; color: var(--cb-muted); font-size: 14px; }
}
@keyframes cb-in { from { opacity: 0; transform: translateY(8px); } }
@media (max-width: 560px) {
  :is(campanile-bell, .cb-toasts) .cb-panel { position: fixed; inset: 0; width: auto; max-height: none; border: 0; border-radius: 0; }
  .cb-toasts { right: 12px; bottom: 12px; }
  :is(campanile-bell, .cb-toasts) .cb-row-button { width: 44px; height: 44px; margin-top: 0; }
}
@media (prefers-reduced-motion: reduce) { .cb-toast { animation: none; } }
@media (forced-colors: active) {
  :is(campanile-bell, .cb-toasts) :is(.cb-panel, .cb-toast, .cb-badge, .cb-pill) { border: 1px solid CanvasText; }
  :is(campanile-bell, .cb-toasts) .cb-row[data-unread] .cb-main::before { background: Highlight; forced-color-adjust: none; }
  :is(campanile-bell, .cb-toasts) .cb-tab[aria-selected=true] { border-color: Highlight; }
}
`;

function adoptSheet() {
  if (adoptSheet.done) return;
  adoptSheet.done = true;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(SHEET);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}

if (!customElements.get("campanile-bell")) customElements.define("campanile-bell", CampanileBell);
