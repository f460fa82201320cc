// Values that a page keeps between two loads. If the browser forbids storage, they are lost and nothing else fails.

/**
 * @param {"localStorage" | "sessionStorage"} where
 * @param {string} key
 * @returns {any} null if there is nothing
 */
export function recall(where, key) {
  try {
    return JSON.parse(window[where].getItem(key));
  } catch {
    return null;
  }
}

/**
 * @param {"localStorage" | "sessionStorage"} where
 * @param {string} key
 * @param {unknown} value null forgets it
 */
export function remember(where, key, value) {
  try {
    if (value === null) window[where].removeItem(key);
    else window[where].setItem(key, JSON.stringify(value));
  } catch {
    // Storage is forbidden or full.
  }
}
