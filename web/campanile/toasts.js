// At most three cards, bottom right, each for six seconds that stop while somebody looks at it.

import { button, CROSS, element, icon } from "./element.js";

/** @import { Timer } from "./wire.d.ts" */
/** @import { Words } from "./words.js" */

const TOAST_MS = 6_000;
const MOST_TOASTS = 3;

export class Toasts {
  #root;
  #words;
  /** @type {Set<() => void>} by which each toast goes */
  #ends = new Set();

  /**
   * @param {HTMLElement} root
   * @param {Words} words
   */
  constructor(root, words) {
    this.#root = root;
    this.#words = words;
  }

  /**
   * @param {string} title
   * @param {string} text
   * @param {string | null} url
   */
  show(title, text, url) {
    const inner = [element("strong", {}, title), text ? element("span.cb-toast-text", {}, text) : null];
    const body = element(url ? "a.cb-toast-body" : "div.cb-toast-body", { href: url }, ...inner);
    /** @type {Timer} */
    let timer;
    const end = () => {
      clearTimeout(timer);
      this.#ends.delete(end);
      toast.remove();
    };
    const toast = element("div.cb-toast", {}, body, button("cb-row-button", this.#words.close, end, icon(CROSS)));
    // Six seconds begin anew when the pointer or the focus leaves, but not while the other one stays.
    const run = () => {
      clearTimeout(timer);
      if (this.#ends.has(end) && !toast.matches(":hover, :focus-within")) timer = setTimeout(end, TOAST_MS);
    };
    // While an event is being told, the focus has not moved yet.
    for (const event of ["pointerenter", "pointerleave", "focusin", "focusout"]) toast.addEventListener(event, () => setTimeout(run));
    this.#root.append(toast);
    this.#ends.add(end);
    this.clear(MOST_TOASTS);
    run();
  }

  /** @param {number} [most] how many stay, the latest */
  clear(most = 0) {
    for (const end of this.#ends) if (this.#ends.size > most) end();
  }
}
