// The bell: what its attributes say, its badge, and the parts it is made of.

import { filled, safeUrl, summaryOf, typeInWords } from "./alarm.js";
import { Arrivals } from "./arrivals.js";
import { connect } from "./client.js";
import { BELL, button, element, icon } from "./element.js";
import { HOME } from "./home.js";
import { wordsOf } from "./language.js";
import { Notice } from "./notice.js";
import { Panel } from "./panel.js";
import { sheet } from "./sheet.js";
import { Toasts } from "./toasts.js";
import { WORDS } from "./words.js";

/** @import { Alarm, Cause, Client, Counts, Status, Token } from "./wire.d.ts" */

/** The words of the declared types are fetched anew for a list or a toast after this time. */
const LEARN_AFTER_MS = 30_000;

/** @typedef {{ what?: string, summary?: string, url?: string | null, who?: string | null, target?: string | null, icon?: string | Node | null }} Description */
/** @typedef {(alarm: Alarm) => Description | null | undefined | false} Describe */
/** @typedef {Record<string, Record<string, string>>} TypeWords for each language the words for each type of alarm */

/**
 * The bell. Attributes: `hub`, `token` (another site's), `user`, `rooms` (ids or "all": their messages become toasts),
 * `room` (the one being looked at), `cursor`, `unseen`, `unread` (what the server rendered), `inbox` (the full list),
 * `lang`. The property `token` may be a function; the property `describe` may give an alarm other words, the property
 * `types` gives its types words in several languages. It is drawn in a shadow root: no style of the page reaches it.
 */
export class CampanileBell extends HTMLElement {
  static observedAttributes = ["hub", "token", "user", "rooms", "inbox", "lang"];

  // A page may have set these before this module was there.
  /** @type {Describe | undefined} */
  describe = /** @type {any} */ (this).describe;
  /** @type {TypeWords} */
  types = /** @type {any} */ (this).types ?? {};
  /** @type {{ token?: Token }} without a token the hub's cookie counts; once there was one, it never does */
  #given = {};
  /** @type {Client | null} */
  client = null;
  hub = HOME;
  words = wordsOf(WORDS);
  #badge = element("span.cb-badge", { hidden: true, "aria-hidden": "true" });
  #button = button("cb-button", "", () => this.#panel?.toggle(), element("slot", { name: "icon" }, icon(BELL)), this.#badge);
  #shadow = this.attachShadow({ mode: "open" });
  /** @type {Panel | null} */
  #panel = null;
  /** @type {Toasts | null} */
  #toasts = null;
  /** @type {Arrivals | null} */
  #arrivals = null;
  /** @type {(() => void)[]} */
  #endings = [];
  #begun = false;
  #restarting = false;
  /** @type {Record<string, string>} the display names of users */
  #names = {};
  /** @type {Record<string, number>} the last ids that deleted accounts may have sent, by their users */
  #deleted = {};
  /** @type {Record<string, { words: Record<string, string> }>} the types that are declared at the hub */
  #declared = {};
  /** @type {Promise<unknown> | undefined} */
  #learning;
  #learnt = 0;
  /** The code that the console was told last. */
  #told = "";

  constructor() {
    super();
    this.#shadow.adoptedStyleSheets = [sheet()];
    if (!Object.hasOwn(this, "token")) return;
    this.#given = { token: this.token };
    delete (/** @type {any} */ (this).token);
  }

  get token() {
    return this.#given.token;
  }

  set token(token) {
    // The same one again is nothing new, unless its client has ended.
    if ("token" in this.#given && token === this.#given.token && this.client?.status.state !== "ended") return;
    this.#given = { token };
    if (token) this.#restart();
    else this.client?.signOut(false);
  }

  /**
   * @param {string} name
   * @param {string | null} _old
   * @param {string | null} value
   */
  attributeChangedCallback(name, _old, value) {
    // A property that a script has set takes precedence over the attribute of the page.
    if (name === "token") this.#begun || !("token" in this.#given) ? (this.token = value) : null;
    else if (name === "rooms") this.client?.setRooms(value);
    else this.#restart();
  }

  connectedCallback() {
    this.#begin();
  }

  disconnectedCallback() {
    this.#end();
  }

  /** Begins anew, once, after whatever a script changes together. */
  #restart() {
    if (!this.#begun || this.#restarting) return;
    this.#restarting = true;
    queueMicrotask(() => {
      this.#restarting = false;
      this.#end();
      if (this.isConnected) this.#begin();
    });
  }

  #begin() {
    /** @type {Record<string, string | undefined>} */
    const { hub, user, rooms, cursor, unseen, unread } = Object.fromEntries([...this.attributes].map(({ name, value }) => [name, value]));
    this.hub = new URL(hub || HOME, location.href).origin;
    this.words = wordsOf(WORDS, this);
    this.#learnt = 0;
    this.#button.setAttribute("aria-haspopup", "dialog");
    this.#button.setAttribute("aria-expanded", "false");
    const live = element("span.cb-hidden", { role: "status", "aria-live": "polite" });
    // In the top layer: the bar may be a containing block for what is fixed.
    const place = element("div.cb-toasts", { popover: "manual", role: "region", "aria-label": this.words.notifications });
    const status = element("div.cb-status", { role: "status" });
    const frame = element("div.cb-bell", {}, this.#button, live, place);
    this.#shadow.replaceChildren(frame);
    // The content that a page shows until the bell is there is removed.
    this.replaceChildren(...this.querySelectorAll(":scope > [slot]"));
    /** @type {HTMLElement | null} */
    const own = document.querySelector("[data-campanile-status]");
    if (own) {
      own.hidden = false;
      const shadow = own.shadowRoot ?? own.attachShadow({ mode: "open" });
      shadow.adoptedStyleSheets = [sheet()];
      shadow.replaceChildren(status);
    } else {
      status.classList.add("cb-floating");
      status.popover = "manual";
      frame.append(status);
      status.showPopover();
    }
    place.showPopover();
    const notice = new Notice(status, this.words, () => this.client?.retry());
    const panel = (this.#panel = new Panel(this, this.#button, frame));
    const toasts = (this.#toasts = new Toasts(place, this.words));
    const arrivals = (this.#arrivals = new Arrivals(this, live, panel, toasts, notice));
    // The counts that the server rendered are those of the page's creation, for the user it was made for.
    const rendered = this.#begun || unseen === undefined ? {} : { cursor, counts: { unseen: Number(unseen), unread: Number(unread) } };
    this.#begun = true;
    this.#count(rendered.counts ?? { unseen: 0, unread: 0 });
    this.#endings = [() => this.client?.close(), () => panel.dispose(), () => notice.dispose()];
    this.client = connect({
      hub: this.hub,
      ...this.#given,
      user,
      rooms,
      ...rendered,
      onCounts: (now) => this.#count(now),
      onAlarm: (alarm, how) => arrivals.alarmed(alarm, how),
      onMessage: (message, how) => arrivals.said(message, how),
      onState: (data) => panel.apply(data),
      onStatus: (now) => this.#statusIs(now, notice),
      onGap: () => panel.reload(),
    });
  }

  #end() {
    this.#quiet();
    for (const end of this.#endings.splice(0)) end();
  }

  /** Nothing of the user stays on the page. */
  #quiet() {
    this.#arrivals?.dispose();
    this.#panel?.forget();
    this.#toasts?.clear();
    this.#names = {};
    this.#deleted = {};
    this.#count({ unseen: 0, unread: 0 });
  }

  /** Removes the toasts, since the panel shows their alarms in more detail. */
  hush() {
    this.#toasts?.clear();
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @returns {Promise<any>}
   */
  async ask(method, path, body) {
    return this.client?.request(method, path, body);
  }

  /** Fetches the words of the declared types, again after a while. A hub of the version before has none. */
  #learn() {
    if (Date.now() - this.#learnt < LEARN_AFTER_MS) return this.#learning;
    this.#learnt = Date.now();
    this.#learning = this.ask("GET", "/api/alarm-types").then(({ types }) => (this.#declared = types)).catch(() => (this.#learnt = 0));
    return this.#learning;
  }

  /**
   * Fetches the names of those whom alarms are from, and returns true if there were any to fetch. A hub of the version
   * before does not tell them.
   * @param {Alarm[]} alarms
   */
  async meetSenders(alarms) {
    await this.#learn();
    const ids = alarms.filter(({ fromUserId }) => fromUserId && !(fromUserId in this.#names)).map(({ id }) => `id=${id}`);
    if (!ids[0]) return false;
    const { names, deleted } = await this.ask("GET", `/api/alarms/senders?${ids.join("&")}`).catch(() => ({}));
    Object.assign(this.#names, names);
    Object.assign(this.#deleted, deleted);
    return true;
  }

  /**
   * The words for an alarm in a row or a toast: the site's own, if it has any.
   * @param {Alarm} alarm
   */
  tell(alarm) {
    const { alarmType, fromUserId, id, url, targetId, data } = alarm;
    const from = fromUserId ?? "";
    const own = this.describe?.(alarm) || {};
    // An id means nothing to a reader.
    const fromName = Number(id) <= (this.#deleted[from] ?? 0) ? this.words.deletedUser : this.#names[from];
    const text = wordsOf(this.types, this)?.[alarmType] ?? wordsOf(this.#declared[alarmType]?.words ?? {}, this) ?? "";
    const told = filled(text, { fromName, targetId, data });
    // A name that the words contain already is not repeated.
    const names = (/** @type {string} */ start) => told && text.includes(start);
    return {
      what: own.what ?? (told || typeInWords(alarmType)),
      summary: own.summary ?? (names("{data.") ? "" : summaryOf(alarm)),
      url: safeUrl(own.url ?? url),
      who: own.who ?? (names("{fromName}") ? null : fromName),
      target: own.target,
      icon: own.icon,
    };
  }

  /** @param {Counts} counts */
  #count({ unseen }) {
    const shown = unseen > 99 ? "99+" : String(unseen);
    this.#badge.hidden = !unseen;
    this.#badge.textContent = shown;
    // The hub counts no further.
    this.#button.setAttribute("aria-label", this.words.bell(unseen > 999 ? "1000+" : unseen));
    nameWindow(unseen ? `(${shown}) ` : "");
  }

  /**
   * @param {Status} status
   * @param {Notice} notice
   */
  #statusIs(status, notice) {
    // The cause is for whoever made the page; whoever looks at it is told what it means.
    const { code = "", detail } = /** @type {Partial<Cause>} */ (status);
    if (code && code !== this.#told) console.warn(`campanile: ${code}: ${detail}`);
    this.#told = code;
    // Nobody is signed in at the page's own site, which says so itself.
    if (code !== "logout" || !("token" in this.#given)) notice.show(status);
    else notice.dispose();
    if (status.state !== "ended") return;
    this.#quiet();
    this.dispatchEvent(new CustomEvent("campanile-ended", { bubbles: true, detail: status }));
  }
}

/**
 * Puts the count before the page's title, which the page may have changed meanwhile.
 * @param {string} count
 */
function nameWindow(count) {
  document.title = count + document.title.replace(/^\(\d+\+?\) /, "");
}
