// One `connect()` of a page: what it wants, how far it is, and telling it.

/** @import { AlarmId, Listener } from "./wire.d.ts" */

/**
 * @param {Listener} listener
 * @param {string} room
 */
export function wants(listener, room) {
  return listener.rooms.includes(room) || listener.rooms.includes("all");
}

/**
 * Moves a listener on, and says whether it had not had this. One whose rooms the connection does not carry yet stands
 * still: what it misses meanwhile is replayed to it.
 * @param {Listener} listener
 * @param {AlarmId | null} id
 * @param {string[]} carried
 */
export function advance(listener, id, carried) {
  if (!listener.fed) return false;
  if (!carried.includes("all") && !listener.rooms.every((room) => carried.includes(room))) return false;
  if (id === null || (listener.cursor !== null && id <= listener.cursor)) return false;
  listener.cursor = id;
  return true;
}

/**
 * @template {unknown[]} Arguments
 * @param {((...args: Arguments) => void) | undefined} callback
 * @param {Arguments} args
 */
export function call(callback, ...args) {
  if (!callback) return;
  try {
    callback(...args);
  } catch (error) {
    // One page's fault must not end the stream of all.
    console.error("campanile: a callback failed", error);
  }
}
