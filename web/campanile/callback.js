// Telling a page something.

/**
 * @template {unknown[]} Arguments
 * @param {((...args: Arguments) => void) | undefined} callback
 * @param {Arguments} args
 */
export function call(callback, ...args) {
  try {
    callback?.(...args);
  } catch (error) {
    // One page's fault must not end the stream of all.
    reportError(error);
  }
}
