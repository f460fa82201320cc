// The bell: what its attributes say, its badge, and the parts it is made of.

import { safeUrl, summaryOf, typeInWords } from "./alarm.js";
import { Arrivals } from "./arrivals.js";
import { connect } from "./client.js";
import { BELL, button, element, icon } from "./element.js";
import { wordsOf } from "./language.js";
import { Notice } from "./notice.js";
import { Panel } from "./panel.js";
import { HOME, request } from "./request.js";
import { adoptSheet } from "./sheet.js";
import { Toasts } from "./toasts.js";
import { WORDS } from "./words.js";

/** @import { Alarm, Client, Counts, Status, Token } from "./wire.d.ts" */

/** @typedef {(alarm: Alarm) => { what?: string, summary?: string, url?: string | null } | null | undefined} Describe */

const MOST_SHOWN = 99;

/**
 * The bell. Attributes: `hub`, `token` (another site's), `user`, `rooms` (ids or "all": their messages become toasts),
 * `room` (the one being looked at), `cursor`, `unseen`, `unread` (what the server rendered), `inbox` (the full list),
 * `lang`. The property `token` may be a function; the property `describe` may give an alarm other words.
 */
export class CampanileBell extends HTMLElement {
  // A page may have set these two before this module was there.
  /** @type {Token} */
  token = /** @type {any} */ (this).token;
  /** @type {Describe | undefined} */
  describe = /** @type {any} */ (this).describe;
  /** @type {Client | null} */
  client = null;
  hub = HOME;
  words = wordsOf(WORDS);
  #badge = element("span.cb-badge", { hidden: true, "aria-hidden": "true" });
  #button = button("cb-button", "", () => this.#panel?.toggle(), icon(BELL), this.#badge);
  /** @type {Panel | null} */
  #panel = null;
  /** @type {HTMLElement | null} */
  #toasts = null;
  /** @type {(() => void)[]} */
  #endings = [];

  connectedCallback() {
    adoptSheet();
    /** @type {Record<string, string | undefined>} */
    const { hub, token, user, rooms, cursor, unseen, unread } = Object.fromEntries([...this.attributes].map(({ name, value }) => [name, value]));
    this.hub = new URL(hub || HOME, location.href).origin;
    this.token ??= token;
    this.words = wordsOf(WORDS, this);
    this.#button.setAttribute("aria-haspopup", "dialog");
    this.#button.setAttribute("aria-expanded", "false");
    const live = element("span.cb-hidden", { role: "status", "aria-live": "polite" });
    // Outside the bar, which may be a containing block for what is fixed.
    const toasts = (this.#toasts = element("div.cb-toasts", { role: "region", "aria-label": this.words.notifications, lang: this.getAttribute("lang") }));
    document.body.append(toasts);
    /** @type {HTMLElement} */
    const place = document.querySelector("[data-campanile-status]") ?? element("div.cb-floating");
    this.replaceChildren(this.#button, live, ...(place.isConnected ? [] : [place]));
    const notice = new Notice(place, this.words, () => this.client?.retry());
    const panel = (this.#panel = new Panel(this, this.#button));
    const arrivals = new Arrivals(this, live, panel, new Toasts(toasts, this.words), notice);
    const counts = unseen === undefined ? null : { unseen: Number(unseen), unread: Number(unread) };
    this.#count(counts ?? { unseen: 0, unread: 0 });
    this.client = connect({
      hub: this.hub,
      token: this.token,
      user,
      rooms,
      cursor,
      counts,
      onCounts: (now) => this.#count(now),
      onAlarm: (alarm, how) => arrivals.alarmed(alarm, how),
      onMessage: (message, how) => arrivals.said(message, how),
      onState: (data) => panel.apply(data),
      onStatus: (status) => this.#statusIs(status, notice),
      onGap: () => panel.reload(),
    });
    this.#endings = [() => this.client?.close(), () => panel.dispose(), () => notice.dispose(), () => arrivals.dispose(), () => toasts.remove()];
  }

  disconnectedCallback() {
    for (const end of this.#endings) end();
    nameWindow("");
  }

  /** What the toasts said, the panel says better. */
  hush() {
    this.#toasts?.replaceChildren();
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   */
  ask(method, path, body) {
    return request(this.hub, this.token, method, path, body);
  }

  /**
   * What a row or a toast says of an alarm: in the site's words, where it has some.
   * @param {Alarm} alarm
   */
  tell(alarm) {
    const own = this.describe?.(alarm);
    return { what: own?.what ?? typeInWords(alarm.alarmType), summary: own?.summary ?? summaryOf(alarm), url: safeUrl(own?.url ?? alarm.url) };
  }

  /** @param {Counts} counts */
  #count({ unseen }) {
    const shown = unseen > MOST_SHOWN ? `${MOST_SHOWN}+` : String(unseen);
    this.#badge.hidden = unseen === 0;
    this.#badge.textContent = shown;
    this.#button.setAttribute("aria-label", this.words.bell(unseen));
    nameWindow(unseen ? `(${shown}) ` : "");
  }

  /**
   * @param {Status} status
   * @param {Notice} notice
   */
  #statusIs(status, notice) {
    notice.show(status);
    if (status.state === "ended") this.dispatchEvent(new CustomEvent("campanile-ended", { bubbles: true, detail: status }));
  }
}

/**
 * Puts the count before the page's title, which the page may have changed meanwhile.
 * @param {string} count
 */
function nameWindow(count) {
  document.title = count + document.title.replace(/^\(\d+\+?\) /, "");
}
