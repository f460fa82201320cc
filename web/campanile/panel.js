// The list under the bell: what is in it, what is done to it, how the keyboard moves in it.

import { button, CROSS, element, icon } from "./element.js";
import { RequestError } from "./request.js";
import { newRow } from "./row.js";
import { ending } from "./words.js";

/** @import { CampanileBell } from "./bell.js" */
/** @import { Alarm, AlarmId, StateChange } from "./wire.d.ts" */
/** @import { Words } from "./words.js" */

/** @typedef {import("./wire.d.ts").Timer} Timer */

const ROWS = 30;
const SKELETON_AFTER_MS = 200;

export class Panel {
  open = false;
  #unreadOnly = false;
  /** @type {Alarm[]} */
  #alarms = [];
  /** @type {Alarm[]} what came while the panel was open */
  #waiting = [];
  /** @type {symbol | null} the latest request for rows */
  #turn = null;
  /** @type {Timer} */
  #skeletonTimer;
  #bell;
  #words;
  #button;
  #tabs;
  #list;
  #note = element("div.cb-note", { role: "status" });
  #pill = button("cb-pill", null, () => this.#takeWaiting());
  #all;
  #root;

  /**
   * @param {CampanileBell} bell
   * @param {HTMLElement} opener
   * @param {HTMLElement} frame
   */
  constructor(bell, opener, frame) {
    const { words } = bell;
    this.#bell = bell;
    this.#words = words;
    this.#button = opener;
    this.#tabs = [this.#tab(words.inbox, false), this.#tab(words.unread, true)];
    this.#list = element("ul.cb-list", { "aria-label": words.notifications });
    this.#all = button("cb-text-button", null, () => this.#readAll(), words.readAll);
    this.#all.hidden = this.#pill.hidden = true;
    this.#root = this.#build();
    frame.append(this.#root);
    document.addEventListener("pointerdown", this.#outside);
    bell.addEventListener("keydown", this.#key);
  }

  dispose() {
    clearTimeout(this.#skeletonTimer);
    document.removeEventListener("pointerdown", this.#outside);
    this.#bell.removeEventListener("keydown", this.#key);
  }

  /** Forgets the rows, since the session of their user is over. */
  forget() {
    if (this.open) this.close({ focus: this.#root.contains(this.#focused) });
    this.#turn = null;
    this.#alarms = [];
    this.#waiting = [];
    this.#say();
    this.#list.replaceChildren();
    this.#renderPill();
    this.#all.hidden = true;
  }

  toggle() {
    if (this.open) this.close();
    else this.#show();
  }

  get #focused() {
    return this.#bell.shadowRoot?.activeElement ?? null;
  }

  /** @param {Event} event */
  #outside = (event) => this.open && !this.#bell.contains(/** @type {Node} */ (event.target)) && this.close({ focus: false });

  #build() {
    const inbox = this.#bell.getAttribute("inbox");
    const close = button("cb-row-button.cb-close", this.#words.close, () => this.close(), icon(CROSS));
    return element(
      "div.cb-panel",
      { role: "dialog", "aria-label": this.#words.notifications, tabindex: "-1", hidden: true },
      element("div.cb-head", {}, element("strong.cb-title", {}, this.#words.notifications), this.#all, close),
      element("div.cb-tabs", { role: "tablist", "aria-label": this.#words.notifications }, ...this.#tabs),
      this.#pill,
      element("div.cb-scroll", { role: "tabpanel", "aria-label": this.#words.notifications }, this.#note, this.#list),
      inbox ? element("a.cb-foot", { href: inbox }, this.#words.seeAll) : null,
    );
  }

  /**
   * @param {string} label
   * @param {boolean} unreadOnly
   */
  #tab(label, unreadOnly) {
    const tab = button("cb-tab", null, () => this.#choose(unreadOnly), label);
    tab.role = "tab";
    select(tab, !unreadOnly);
    return tab;
  }

  #show() {
    this.open = true;
    this.#bell.hush();
    this.#root.hidden = false;
    if (matchMedia("(max-width: 560px)").matches) {
      // In the top layer it fills the screen, whatever the bell is in.
      this.#root.popover = "manual";
      this.#root.showPopover();
    }
    // It hangs from the bell's far edge, unless the bell is too near the other side for that.
    this.#root.classList.remove("cb-left");
    const { left, right } = this.#root.getBoundingClientRect();
    this.#root.classList.toggle("cb-left", left < 0 || right > innerWidth);
    this.#button.setAttribute("aria-expanded", "true");
    this.#root.focus({ preventScroll: true });
    this.reload();
  }

  close({ focus = true } = {}) {
    this.open = false;
    this.#root.hidden = true;
    this.#root.popover = null;
    this.#button.setAttribute("aria-expanded", "false");
    if (focus) this.#button.focus();
  }

  /** @param {boolean} unreadOnly */
  #choose(unreadOnly) {
    this.#unreadOnly = unreadOnly;
    this.#tabs.forEach((tab, index) => select(tab, Boolean(index) === unreadOnly));
    this.reload();
  }

  async reload() {
    if (!this.open) return;
    const turn = (this.#turn = Symbol());
    const skeleton = (this.#skeletonTimer = setTimeout(() => turn === this.#turn && (this.#alarms.length || this.#skeleton()), SKELETON_AFTER_MS));
    try {
      const status = this.#unreadOnly ? "unread" : "all";
      const page = await this.#bell.ask("GET", `/api/alarms?limit=${ROWS}&status=${status}`);
      await this.#bell.meetSenders(page.items);
      if (turn !== this.#turn) return;
      this.#turn = null;
      this.#alarms = page.items;
      this.#waiting = [];
      this.#say();
      this.render();
      this.#seen();
    } catch (error) {
      // Old rows are better than none.
      if (turn === this.#turn) this.#failed(error);
    } finally {
      clearTimeout(skeleton);
    }
  }

  /**
   * A new alarm: while the panel is open it waits behind a pill, so that nothing moves under the pointer.
   * @param {Alarm} alarm
   */
  arrived(alarm) {
    if (!this.open) return;
    if ([...this.#alarms, ...this.#waiting].some((known) => known.id === alarm.id)) return;
    this.#waiting.unshift(alarm);
    if (!this.#alarms.length && !document.hidden) this.#takeWaiting({ focus: false });
    else this.#renderPill();
  }

  /**
   * Applies a change of state: made by this user, here or elsewhere, or by time.
   * @param {StateChange} data
   */
  apply(data) {
    // A row that was only seen looks the same, and replacing a row under the pointer would lose its click.
    const gone = data.deleted || data.expired;
    // A change that tells nothing may be any.
    if (data.read === undefined && !gone) return data.seen || this.reload();
    const named = new Set(data.ids ?? []);
    /** @param {Alarm} alarm */
    const is = ({ id = 0 }) => named.has(id) || id <= (data.upTo ?? -1);
    if (gone) {
      this.#alarms = this.#alarms.filter((alarm) => !is(alarm));
      this.#waiting = this.#waiting.filter((alarm) => !is(alarm));
    }
    for (const alarm of [...this.#alarms, ...this.#waiting]) {
      if (is(alarm)) alarm.readAt = data.read ? (alarm.readAt ?? new Date().toISOString()) : null;
    }
    if (this.open) this.render();
    // Rows that are on their way may be older than this.
    if (this.#turn) this.reload();
  }

  #takeWaiting({ focus = true } = {}) {
    this.#alarms = [...this.#waiting, ...this.#alarms];
    this.#waiting = [];
    this.#say();
    this.render();
    this.#seen();
    if (focus) this.#focusRow(0, "follow");
  }

  #seen() {
    const newest = this.#alarms[0]?.id;
    if (newest && this.#bell.client?.counts?.unseen) this.#bell.ask("POST", "/api/alarms/seen", { upTo: newest }).catch(() => {});
  }

  #readAll() {
    const newest = this.#alarms[0]?.id;
    if (!newest) return;
    this.#change(() => this.#bell.ask("POST", "/api/alarms/read", { upTo: newest }), { upTo: newest, read: true });
    // The button that had the focus is gone.
    this.#root.focus();
  }

  /**
   * Shows a change at once, and the truth again should the hub refuse it.
   * @param {() => Promise<unknown>} ask
   * @param {StateChange} shown
   */
  async #change(ask, shown) {
    this.apply(shown);
    try {
      await ask();
    } catch (error) {
      await this.reload();
      this.#failed(error);
    }
  }

  render() {
    const focused = /** @type {HTMLElement | null} */ (this.#list.querySelector(":focus"));
    const position = [...this.#list.children].findIndex((row) => row.contains(focused));
    const shown = this.#unreadOnly ? this.#alarms.filter((alarm) => !alarm.readAt) : this.#alarms;
    this.#list.replaceChildren(...shown.map((alarm) => this.#row(alarm)));
    this.#all.hidden = !this.#alarms.some((alarm) => !alarm.readAt);
    this.#renderPill();
    if (!shown.length && !this.#note.firstChild) {
      this.#say(this.#words.caughtUp, this.#words.atOnce);
      // A page's own words for it.
      const slot = element("slot", { name: "empty" });
      slot.append(...this.#note.childNodes);
      this.#note.append(slot);
    }
    else if (shown.length && this.#note.hasAttribute("data-empty")) this.#say();
    if (focused) this.#focusRow(Math.min(position, shown.length - 1), focused.dataset.act);
  }

  /** @param {Alarm} alarm */
  #row(alarm) {
    const id = /** @type {AlarmId} */ (alarm.id);
    return newRow(
      this.#bell,
      alarm,
      (read) => this.#change(() => this.#bell.ask("POST", `/api/alarms/${id}/${read ? "read" : "unread"}`), { ids: [id], read }),
      () => this.#change(() => this.#bell.ask("DELETE", `/api/alarms/${id}`), { ids: [id], deleted: true }),
    );
  }

  /**
   * @param {number} position
   * @param {string | undefined} act
   */
  #focusRow(position, act) {
    /** @type {HTMLElement | null | undefined} */
    const target = this.#list.children[position]?.querySelector(`[data-act="${act}"]`);
    (target ?? this.#root).focus();
  }

  #renderPill() {
    this.#pill.hidden = !this.#waiting.length;
    this.#pill.textContent = this.#words.pill(this.#waiting.length);
  }

  /**
   * @param {string} [title]
   * @param {string} [text]
   * @param {HTMLElement[]} more
   */
  #say(title, text, ...more) {
    this.#note.replaceChildren(...(title ? [element("strong", {}, title), element("span", {}, text ?? ""), ...more] : []));
    this.#note.toggleAttribute("data-empty", Boolean(title) && !more.length);
  }

  /** @param {unknown} error */
  #failed(error) {
    const words = this.#words;
    if (this.#list.querySelector(".cb-skeleton")) this.#list.replaceChildren();
    const { status } = this.#bell.client ?? {};
    if (status?.state === "ended") return this.#say(ending(words, status.code));
    const again = button("cb-text-button", null, () => this.reload(), words.again);
    if (!navigator.onLine) this.#say(words.offline, words.mayBeOld, again);
    else this.#say(words.failed, error instanceof RequestError ? words.refused(error) : words.unreachable, again);
  }

  #skeleton() {
    this.#list.replaceChildren(...[1, 2, 3].map(() => element("li.cb-row.cb-skeleton", { "aria-hidden": "true" }, element("span.cb-main", {}, element("i"), element("i")))));
  }

  /** @param {KeyboardEvent} event */
  #key = (event) => {
    if (!this.open) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      this.close();
      return;
    }
    if (this.#focused?.role === "tab" && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
      event.preventDefault();
      this.#choose(!this.#unreadOnly);
      this.#tabs[Number(this.#unreadOnly)]?.focus();
      return;
    }
    const rows = [...this.#list.children];
    const here = rows.findIndex((row) => row.contains(this.#focused));
    const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to === undefined || !this.#alarms.length) return;
    event.preventDefault();
    this.#focusRow(Math.max(0, Math.min(rows.length - 1, to)), "follow");
  };
}

/**
 * Of the tabs only the chosen one is on the way of the Tab key; the arrows lead to the other.
 * @param {HTMLElement} tab
 * @param {boolean} chosen
 */
function select(tab, chosen) {
  tab.setAttribute("aria-selected", String(chosen));
  tab.tabIndex = chosen ? 0 : -1;
}
