// The alarms that a page shows for a moment: those that arrive while somebody looks at it.

import { watched } from "../campanile/store.js";

/**
 * @param {import("./index.js").Campanile<any>} campanile
 * @param {{ seconds?: number, most?: number }} [options]
 */
export function toastsOf(campanile, { seconds = 6, most = 3 } = {}) {
  /** @type {import("./index.js").Alarm[]} */
  const none = [];
  const store = watched(none, () => {
    /** @type {Set<ReturnType<typeof setTimeout>>} */
    const timers = new Set();
    const ends = [
      campanile.onAlarm((/** @type {any} */ alarm, { replayed }) => {
        if (replayed || document.hidden || !document.hasFocus()) return;
        store.put([...store.value, alarm].slice(-most));
        const timer = setTimeout(() => timers.delete(timer) && dismiss(alarm), seconds * 1_000);
        timers.add(timer);
      }),
      // Nothing of a user stays after their end.
      campanile.status.subscribe(() => campanile.status.value.state === "ended" && store.put(none)),
    ];
    return () => {
      timers.forEach((timer) => clearTimeout(timer));
      ends.forEach((end) => end());
      store.put(none);
    };
  });
  /** @param {import("./index.js").Alarm} alarm */
  const dismiss = (alarm) => store.put(store.value.filter((one) => one !== alarm));
  return { store, dismiss };
}
