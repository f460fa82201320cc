// A value that is watched: its source works only while somebody looks.

import { call } from "./callback.js";

/**
 * @template Value
 * @param {Value} value
 * @param {() => () => void} begin with the first listener; gives what ends it after the last one
 */
export function watched(value, begin) {
  /** @type {Set<() => void>} */
  const listeners = new Set();
  let end = () => {};
  return {
    value,
    /** What a server renders. */
    initial: value,
    /** @param {() => void} listener */
    subscribe(listener) {
      // The same function may be given twice.
      const entry = () => call(listener);
      listeners.add(entry);
      if (listeners.size < 2) end = begin();
      return () => {
        if (listeners.delete(entry) && !listeners.size) end();
      };
    },
    /** @param {Value} now */
    put(now) {
      this.value = now;
      for (const entry of [...listeners]) entry();
    },
  };
}
