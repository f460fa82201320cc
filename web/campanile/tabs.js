// The tabs of one user in one browser: what they tell each other, and which of them leads, that is, holds the connection.
// A leader is followed only while it gives signs of life: one that is frozen, in a dialog or busy is replaced. Web Locks
// tell at once that a tab is gone; without them (plain HTTP) the channel alone decides, and the later leader is the one.

import { hold } from "./lock.js";
import { newId } from "./request.js";

/** @import { Timer } from "./wire.d.ts" */

/**
 * @typedef {object} Ear
 * @property {(message: any) => void} heard
 * @property {() => void} lead
 * @property {() => void} follow
 * @property {() => void} met there may be a leader that does not know this tab
 */

const HEARTBEAT_MS = 15_000;
// Signs of life come every heartbeat at least. Who is not looked at leaves it to a tab that is.
const LEASE_HEARTBEATS = 2;
const HIDDEN_HEARTBEATS = 2.25;
const HIDDEN_LATER_MS = 250;
// A tab that lives answers sooner.
const ANSWER_MS = 2_000;
const ANSWER_WITHOUT_LOCKS_MS = 250;
// A timer this late means that this tab was held up: what was said meanwhile is still to be heard.
const LATE_MS = 500;

export class Tabs {
  leading = false;
  tab = newId();
  #leader = "";
  /** The time at which the leader began; the latest leads. */
  #term = 0;
  #heartbeat = HEARTBEAT_MS;
  #life = new AbortController();
  #candidacy = new AbortController();
  /** @type {Timer} */
  #lease;
  /** @type {Timer} */
  #beating;
  #channel;
  #key;
  #ear;

  /**
   * @param {string} key what they have in common
   * @param {Ear} ear
   */
  constructor(key, ear) {
    this.#key = key;
    this.#ear = ear;
    this.#channel = new BroadcastChannel(key);
    this.#channel.onmessage = ({ data }) => this.#heard(data);
    this.#until(navigator.locks ? ANSWER_MS : ANSWER_WITHOUT_LOCKS_MS);
    // Another tab that gets this lock learns that this tab is gone, even if it crashed.
    hold(`${key} tab ${this.tab}`, this.#life.signal, () => ear.met());
    this.#watch();
  }

  close() {
    this.tell({ kind: "goodbye" });
    this.#stepDown();
    clearTimeout(this.#lease);
    this.#life.abort();
    this.#channel.close();
  }

  /** @param {Record<string, unknown>} message */
  tell(message) {
    this.#channel.postMessage({ ...message, tab: this.tab, ...(this.leading && { term: this.#term, heartbeat: this.#heartbeat }) });
  }

  /**
   * Tells the leader something that it answers with a sign of life.
   * @param {string} kind
   */
  ask(kind) {
    this.tell({ kind });
    this.#until(ANSWER_MS);
  }

  /** A sign of life. */
  beat() {
    if (this.leading) this.tell({ kind: "beat" });
  }

  /** @param {number} ms the longest silence of the connection */
  everyHeartbeat(ms) {
    this.#heartbeat = ms;
    clearInterval(this.#beating);
    if (this.leading) this.#beating = setInterval(() => this.beat(), this.#heartbeat / 2);
  }

  /**
   * Runs `then` once another tab is gone.
   * @param {string} tab
   * @param {() => void} then
   */
  outlive(tab, then) {
    hold(`${this.#key} tab ${tab}`, this.#life.signal, then, { release: true });
  }

  /** @param {any} message */
  #heard(message) {
    const { kind, tab, term, heartbeat } = message;
    if (term) {
      // One that was held up still believes that it leads.
      if (term < this.#term) return this.beat();
      this.#term = term;
      this.#heartbeat = heartbeat;
      if (tab !== this.#leader) this.#follow(tab, kind);
      this.#until(heartbeat * (document.hidden ? HIDDEN_HEARTBEATS : LEASE_HEARTBEATS));
      if (kind === "goodbye") this.#vacant();
    }
    this.#ear.heard(message);
  }

  /**
   * @param {string} tab
   * @param {string} kind of its first message
   */
  #follow(tab, kind) {
    const led = this.leading;
    this.#leader = tab;
    this.#stepDown();
    if (led) this.#ear.follow();
    this.#watch();
    this.#until(ANSWER_MS);
    if (kind !== "welcome") this.#ear.met();
  }

  #stepDown() {
    this.leading = false;
    clearInterval(this.#beating);
    this.#candidacy.abort();
  }

  /** The lock of whoever leads, together with all who wait for it: they have it once nobody leads. */
  #watch() {
    const { signal } = (this.#candidacy = new AbortController());
    hold(this.#key, signal, () => this.#vacant(), { mode: "shared", release: true });
  }

  #vacant() {
    this.#until(document.hidden ? HIDDEN_LATER_MS : 0, false);
  }

  /**
   * Waits so long for the leader's next sign of life.
   * @param {number} ms
   * @param {boolean} [steal] from a leader that has the lock and is silent
   * @param {number} [late]
   */
  #until(ms, steal = true, late = LATE_MS) {
    clearTimeout(this.#lease);
    if (this.leading) return;
    const due = Date.now() + ms + late;
    this.#lease = setTimeout(() => (Date.now() > due ? this.#until(LATE_MS, steal, Infinity) : this.#stand(steal)), ms);
  }

  /** @param {boolean} steal */
  #stand(steal) {
    this.#candidacy.abort();
    const { signal } = (this.#candidacy = new AbortController());
    // Should another be there first, it says so.
    this.#until(ANSWER_MS);
    // It is taken away while this tab is held up; any other fault means that this page may have no locks.
    hold(this.#key, signal, () => this.#lead(), { steal }, ({ name }) => (name === "AbortError" ? this.#follow("", "") : this.#lead()));
  }

  #lead() {
    clearTimeout(this.#lease);
    this.leading = true;
    this.#leader = this.tab;
    this.#term = Math.max(Date.now() + Math.random(), this.#term + 1);
    this.everyHeartbeat(this.#heartbeat);
    this.tell({ kind: "leader" });
    this.#ear.lead();
  }
}
