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
  return (typeof rooms === "string" ? rooms : [...(rooms ?? [])].join()).split(/[\s,]+/).filter(Boolean);
}

/**
 * @param {(AlarmId | null)[]} ids
 * @returns {AlarmId | null}
 */
export function lowest(ids) {
  const low = Math.min(...ids.map((id) => id ?? Infinity));
  return low < Infinity ? low : null;
}

/** @param {Alarm} alarm */
export function roomOf(alarm) {
  return String(alarm.topic ?? "").replace(/^room:/, "");
}
