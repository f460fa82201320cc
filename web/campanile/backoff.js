// The pause between two attempts: a random time below a ceiling that doubles (full jitter).

/** @import { Timer } from "./wire.d.ts" */

const BASE_MS = 1_000;
const CAP_MS = 30_000;

export class Backoff {
  #attempts = 0;
  /** @type {Timer} */
  #timer;
  /** @type {(() => void) | null} */
  #pending = null;

  /**
   * Runs `again` after the pause, and says when that is.
   * @param {() => void} again
   */
  later(again) {
    const delay = 100 + Math.random() * Math.min(CAP_MS, BASE_MS * 2 ** this.#attempts);
    this.#attempts += 1;
    this.stop();
    this.#pending = again;
    this.#timer = setTimeout(() => this.now(), delay);
    return Date.now() + delay;
  }

  /** Ends the pause, if there is one; says whether there was. */
  now() {
    const again = this.#pending;
    this.stop();
    again?.();
    return again !== null;
  }

  stop() {
    clearTimeout(this.#timer);
    this.#pending = null;
  }

  /** @param {number} [attempts] how many have failed in a row */
  reset(attempts = 0) {
    this.#attempts = attempts;
  }
}
