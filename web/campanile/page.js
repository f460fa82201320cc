// The life of the page itself: it is hidden and shown again, focused, or asleep.

// A timer this late was not late: the machine slept. Tabs in the background run theirs once a minute, so it counts in front only.
const TICK_MS = 2_000;
const SLEPT_MS = 10_000;

/**
 * @typedef {object} Page
 * @property {() => void} gone
 * @property {() => void} shown again, from where it was kept
 * @property {() => void} woke the machine or its network was away
 * @property {() => void} seen somebody looks at it
 * @property {(now: number) => void} ticked while somebody looks at it
 */

/**
 * @param {Page} page
 * @param {AbortSignal} signal
 */
export function watchPage(page, signal) {
  /** @param {EventTarget} target @param {string} name @param {(event: any) => void} then */
  const on = (target, name, then) => target.addEventListener(name, then, { signal });
  on(window, "pagehide", () => page.gone());
  on(window, "pageshow", (event) => event.persisted && page.shown());
  on(window, "online", () => page.woke());
  on(document, "resume", () => page.woke());
  on(document, "visibilitychange", () => document.hidden || page.seen());
  let last = Date.now();
  const ticking = setInterval(() => {
    const now = Date.now();
    const slept = now - last > TICK_MS + SLEPT_MS;
    last = now;
    if (document.hidden) return;
    if (slept) page.woke();
    else page.ticked(now);
  }, TICK_MS);
  signal.addEventListener("abort", () => clearInterval(ticking));
}
