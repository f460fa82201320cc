// Times in the reader's zone and language.

import { localeOf } from "./language.js";

/** @type {[number, Intl.RelativeTimeFormatUnit][]} */
const STEPS = [[60, "second"], [60, "minute"], [24, "hour"], [7, "day"], [4.35, "week"], [12, "month"], [Infinity, "year"]];

/** @type {Map<string, [Intl.DateTimeFormat, Intl.RelativeTimeFormat]>} */
const formats = new Map();

/**
 * The formats for a moment and for a distance from now. They are slow to make and few.
 * @param {Element} [node]
 */
export function formatsOf(node) {
  const locale = localeOf(node);
  const known = formats.get(locale) ?? [
    new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }),
    new Intl.RelativeTimeFormat(locale, { numeric: "auto" }),
  ];
  formats.set(locale, known);
  return known;
}

/**
 * "5 minutes ago".
 * @param {Date} date
 * @param {Element} [node]
 */
export function relativeTime(date, node) {
  const [, relative] = formatsOf(node);
  let amount = (date.getTime() - Date.now()) / 1_000;
  if (Math.abs(amount) < 45) return relative.format(0, "second");
  for (const [size, unit] of STEPS) {
    if (Math.abs(amount) < size) return relative.format(Math.round(amount), unit);
    amount /= size;
  }
  return "";
}
