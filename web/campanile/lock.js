// Web Locks, which tell a browser's tabs which of them leads, and which of them are gone.

/**
 * Runs `then` once the lock is this tab's, and keeps it until the signal, or only for that moment.
 * @param {string} name
 * @param {AbortSignal} signal
 * @param {() => void} then
 * @param {{ release?: boolean }} [options]
 */
export async function hold(name, signal, then, { release = false } = {}) {
  try {
    await navigator.locks.request(name, { signal }, () => {
      if (signal.aborted) return undefined;
      then();
      return release ? undefined : new Promise((done) => signal.addEventListener("abort", () => done(undefined), { once: true }));
    });
  } catch (error) {
    if (!signal.aborted) console.warn("campanile: no lock", error);
  }
}
