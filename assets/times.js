// The times of the pages, in the reader's time zone and language.

import { formatsOf, localeOf, relativeTime } from "./campanile.js";

const [moment, relative] = formatsOf();
const time = new Intl.DateTimeFormat(localeOf(), { timeStyle: "short" });
const day = new Intl.DateTimeFormat(localeOf(), { weekday: "long", month: "long", day: "numeric" });

/**
 * Converts the server's UTC times to local ones. `data-format` is `time`, `relative`, or empty for date and time.
 * @param {ParentNode} root
 */
export function localTimes(root = document) {
  for (const element of root.querySelectorAll("time")) {
    const date = new Date(element.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    const { format } = element.dataset;
    element.title = moment.format(date);
    const text = format === "relative" ? relativeTime(date) : (format === "time" ? time : moment).format(date);
    // An unchanged text is not written again, because a screen reader would announce it again in a live region.
    if (element.textContent !== text) element.textContent = text;
  }
}

/**
 * Returns "Today", "Yesterday", or the day.
 * @param {Date} date
 */
export function dayName(date) {
  const days = Math.round((startOfDay(new Date()) - startOfDay(date)) / 86_400_000);
  if (days === 0 || days === 1) {
    const word = relative.format(-days, "day");
    return word.charAt(0).toUpperCase() + word.slice(1);
  }
  return day.format(date);
}

/** @param {Date} date */
function startOfDay(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}
