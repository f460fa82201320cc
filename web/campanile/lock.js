// Web Locks, which tell a browser's tabs which of them leads, and which of them are gone.

/**
 * Runs `then` once the lock is this tab's, and keeps it until the signal, or only for that moment. Where there are no locks
 * (plain HTTP), the first is at once and the second is never.
 * @param {string} name
 * @param {AbortSignal} signal
 * @param {() => void} then
 * @param {LockOptions & { release?: boolean }} [options]
 * @param {(error: Error) => void} [lost] it was taken away, or there is none to be had
 */
export async function hold(name, signal, then, { release = false, ...options } = {}, lost = () => {}) {
  if (!navigator.locks) return release || queueMicrotask(then);
  try {
    // A lock that is stolen from another holder is not waited for.
    await navigator.locks.request(name, options.steal ? options : { ...options, signal }, () => {
      if (signal.aborted) return undefined;
      then();
      return release ? undefined : new Promise((done) => signal.addEventListener("abort", () => done(undefined), { once: true }));
    });
  } catch (error) {
    if (!signal.aborted) lost(/** @type {Error} */ (error));
  }
}
