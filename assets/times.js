// The pages' times, in the reader's zone and language.

import { formatsOf, localeOf, relativeTime } from "./campanile.js";

const [moment, relative] = formatsOf();
const time = new Intl.DateTimeFormat(localeOf(), { timeStyle: "short" });
const day = new Intl.DateTimeFormat(localeOf(), { weekday: "long", month: "long", day: "numeric" });

/**
 * Makes the UTC times a server wrote local: `data-format` is `time`, `relative`, or nothing for both date and time.
 * @param {ParentNode} root
 */
export function localTimes(root = document) {
  for (const element of root.querySelectorAll("time")) {
    const date = new Date(element.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    const { format } = element.dataset;
    element.title = moment.format(date);
    const text = format === "relative" ? relativeTime(date) : (format === "time" ? time : moment).format(date);
    // What does not change is left alone: in a live region a screen reader would say it again.
    if (element.textContent !== text) element.textContent = text;
  }
}

/**
 * "Today", "Yesterday", or the day.
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
