// The state of the connection: nothing while all is well, a word after two seconds of trouble, a bar after ten.

import { button, element } from "./element.js";
import { ending } from "./words.js";

/** @import { Status, Timer } from "./wire.d.ts" */
/** @import { Words } from "./words.js" */

const TROUBLE_AFTER_MS = 2_000;
const BAR_AFTER_MS = 10_000;
const RECOVERED_MS = 2_000;
const TICK_MS = 500;

export class Notice {
  hadTrouble = false;
  /** @type {number | null} when the trouble began */
  #since = null;
  /** @type {Status} */
  #status = { state: "connecting" };
  /** @type {Timer} */
  #ticking;
  /** @type {Timer} */
  #recovered;
  // Counted down for the eyes only: announced every second it would be unbearable.
  #countdown = element("span", { "aria-hidden": "true" });
  #root;
  #words;
  #retry;

  /**
   * @param {HTMLElement} root
   * @param {Words} words
   * @param {() => void} retry
   */
  constructor(root, words, retry) {
    this.#root = root;
    this.#words = words;
    this.#retry = retry;
    // It is a live region, so it is never hidden, only empty.
  }

  dispose() {
    clearInterval(this.#ticking);
    clearTimeout(this.#recovered);
    this.#root.replaceChildren();
  }

  /** @param {Status} status */
  show(status) {
    this.#status = status;
    if (status.state === "live") this.#live();
    else if (status.state === "ended") this.#ended(status.code);
    else this.#trouble();
  }

  #live() {
    if (this.#since === null) return;
    const shown = this.#root.hasChildNodes();
    this.dispose();
    this.#since = null;
    if (!shown) return;
    this.#put("ok", this.#words.backOnline);
    this.#recovered = setTimeout(() => this.#root.replaceChildren(), RECOVERED_MS);
  }

  #trouble() {
    if (this.#status.state === "waiting") this.hadTrouble = true;
    if (this.#since === null) this.dispose();
    this.#since ??= Date.now();
    clearInterval(this.#ticking);
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
  }

  #tick() {
    const trouble = Date.now() - (this.#since ?? Date.now());
    if (trouble < TROUBLE_AFTER_MS) return;
    if (trouble < BAR_AFTER_MS) {
      if (!this.#root.hasChildNodes()) this.#put("soft", this.#words.reconnecting);
      return;
    }
    if (!this.#countdown.isConnected) {
      this.#put("bar", this.#words.noUpdates, this.#countdown, button("cb-text-button", null, this.#retry, this.#words.retryNow));
    }
    const retryAt = this.#status.state === "waiting" ? this.#status.retryAt : 0;
    const text = this.#words.retrying(Math.max(0, Math.ceil((retryAt - Date.now()) / 1_000)));
    if (this.#countdown.textContent !== text) this.#countdown.textContent = text;
  }

  /** @param {string} code */
  #ended(code) {
    this.dispose();
    this.#since = Date.now();
    const next = location.pathname + location.search;
    const link = document.body.dataset.user ? element("a.cb-text-button", { href: `/?next=${encodeURIComponent(next)}` }, this.#words.signIn) : "";
    this.#put("bar", ending(this.#words, code), link);
  }

  /**
   * @param {"ok" | "soft" | "bar"} kind
   * @param {string} text
   * @param {(HTMLElement | "")[]} more
   */
  #put(kind, text, ...more) {
    this.#root.dataset.kind = kind;
    this.#root.replaceChildren(element("span", {}, text), ...more);
  }
}
