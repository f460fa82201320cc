// The handling of an alarm or a message that arrives: it is announced once when arrivals pause, and shown as a toast if
// the page is visible.

import { summaryOf } from "./alarm.js";
import { roomOf } from "./topic.js";

/** @import { CampanileBell } from "./bell.js" */
/** @import { Notice } from "./notice.js" */
/** @import { Panel } from "./panel.js" */
/** @import { Toasts } from "./toasts.js" */
/** @import { Alarm, How, Timer } from "./wire.d.ts" */

const ANNOUNCE_AFTER_MS = 1_000;
const GATHER_MISSED_MS = 400;

export class Arrivals {
  #missed = 0;
  #arrived = 0;
  #over = false;
  #telling = Promise.resolve();
  /** @type {Timer} */
  #gathering;
  /** @type {Timer} */
  #announcing;
  /** @type {Map<string, string>} */
  #rooms = new Map();
  #bell;
  #live;
  #panel;
  #toasts;
  #notice;

  /**
   * @param {CampanileBell} bell
   * @param {HTMLElement} live the region whose text a screen reader speaks
   * @param {Panel} panel
   * @param {Toasts} toasts
   * @param {Notice} notice
   */
  constructor(bell, live, panel, toasts, notice) {
    this.#bell = bell;
    this.#live = live;
    this.#panel = panel;
    this.#toasts = toasts;
    this.#notice = notice;
  }

  dispose() {
    this.#over = true;
    clearTimeout(this.#announcing);
    clearTimeout(this.#gathering);
    this.#live.textContent = "";
  }

  /**
   * @param {Alarm} alarm
   * @param {How} how
   */
  alarmed(alarm, { replayed }) {
    this.#panel.arrived(alarm);
    this.#bell.dispatchEvent(new CustomEvent("campanile-alarm", { bubbles: true, detail: alarm }));
    if (replayed) {
      this.#missed += 1;
      clearTimeout(this.#gathering);
      this.#gathering = setTimeout(() => this.#tellMissed(), GATHER_MISSED_MS);
      return;
    }
    // In their order, although names may have to be asked for.
    this.#telling = this.#telling.then(() => this.#told(alarm));
  }

  /** @param {Alarm} alarm */
  async #told(alarm) {
    const met = await this.#bell.meetSenders([alarm]);
    if (this.#over) return;
    if (met && this.#panel.open) this.#panel.render();
    const { what, summary, url, who } = this.#bell.tell(alarm);
    this.#show(what, [who, summary].filter(Boolean).join(": "), url);
  }

  /**
   * @param {Alarm} message
   * @param {How} how
   */
  async said(message, { replayed }) {
    const { fromUserId, alarmType } = message;
    const room = roomOf(message);
    const looking = this.#bell.getAttribute("room") === room && document.hasFocus();
    if (replayed || looking || fromUserId === this.#bell.client?.userId || this.#unwanted()) return;
    const [name] = await Promise.all([this.#roomName(room), this.#bell.meetSenders([message])]);
    if (this.#over) return;
    const { rings, says } = this.#bell.words;
    const ring = alarmType === "ROOM_RING";
    const title = (ring ? rings : says)(this.#bell.tell(message).who ?? "", name);
    this.#show(title, ring ? "" : summaryOf(message), this.#bell.hub === location.origin ? `/rooms/${encodeURIComponent(room)}` : null);
  }

  #tellMissed() {
    const title = this.#bell.words.missed(this.#missed);
    this.#missed = 0;
    // Right after a page was loaded nothing was missed: it was only on its way.
    if (this.#notice.hadTrouble) this.#show(title, "", this.#bell.getAttribute("inbox"));
  }

  /**
   * @param {string} title
   * @param {string} text
   * @param {string | null} url
   */
  #show(title, text, url) {
    this.#arrived += 1;
    // The same words are spoken twice only if they went away in between.
    this.#live.textContent = "";
    clearTimeout(this.#announcing);
    this.#announcing = setTimeout(() => {
      this.#live.textContent = this.#bell.words.announce(this.#arrived, title);
      this.#arrived = 0;
    }, ANNOUNCE_AFTER_MS);
    if (!this.#unwanted()) this.#toasts.show(title, text, url);
  }

  #unwanted() {
    return this.#panel.open || document.hidden || !document.hasFocus();
  }

  /** @param {string} id */
  async #roomName(id) {
    if (!this.#rooms.has(id)) {
      /** @type {{ id: string, name: string }[]} */
      const rooms = await this.#bell.ask("GET", "/api/rooms").catch(() => []);
      this.#rooms = new Map(rooms.map((room) => [room.id, room.name]));
    }
    return this.#rooms.get(id) ?? id;
  }
}
