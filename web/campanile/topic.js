// Ids and rooms, as pages and the wire write them.

/** @import { Alarm, AlarmId, Rooms } from "./wire.d.ts" */

/**
 * @param {unknown} value
 * @returns {AlarmId | null}
 */
export function toId(value) {
  if (value === null || value === undefined || value === "") return null;
  const id = Number(value);
  return Number.isSafeInteger(id) && id >= 0 ? id : null;
}

/**
 * @param {Rooms} rooms
 * @returns {string[]}
 */
export function toRooms(rooms) {
  if (!rooms) return [];
  return typeof rooms === "string" ? rooms.split(/[\s,]+/).filter(Boolean) : [...rooms].map(String);
}

/**
 * @param {(AlarmId | null)[]} ids
 * @returns {AlarmId | null}
 */
export function lowest(ids) {
  const known = ids.filter((id) => id !== null);
  return known.length ? Math.min(...known) : null;
}

/** @param {Alarm} alarm */
export function roomOf(alarm) {
  return String(alarm.topic ?? "").replace(/^room:/, "");
}
