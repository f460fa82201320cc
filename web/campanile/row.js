// One alarm in the panel: who did what to which thing, and what can be done to it.

import { button, CHECK, CROSS, DOT, element, icon } from "./element.js";
import { formatsOf, relativeTime } from "./times.js";

/** @import { CampanileBell } from "./bell.js" */
/** @import { Alarm } from "./wire.d.ts" */

/**
 * @param {CampanileBell} bell
 * @param {Alarm} alarm
 * @param {(read: boolean) => void} mark
 * @param {() => void} remove
 */
export function newRow(bell, alarm, mark, remove) {
  const { words } = bell;
  const { createdAt } = alarm;
  const unread = !alarm.readAt;
  const { what, summary, url, who, target, icon: picture } = bell.tell(alarm);
  const created = new Date(createdAt);
  const time = element("time", { datetime: createdAt, title: formatsOf(bell)[0].format(created) }, relativeTime(created, bell));
  const main = element(
    url ? "a.cb-main" : "button.cb-main",
    { href: url, type: url ? null : "button", "data-act": "follow", click: () => unread && mark(true) },
    unread ? element("span.cb-hidden", {}, `${words.unread} `) : null,
    element("span.cb-what", {}, who ? element("b.cb-who", {}, who) : null, who ? " · " : null, what),
    summary ? element("span.cb-summary", {}, summary) : null,
    element("span.cb-when", {}, time, target ? ` · ${target}` : null),
  );
  const read = button("cb-row-button", unread ? words.markRead : words.markUnread, () => mark(unread), icon(unread ? CHECK : DOT));
  const gone = button("cb-row-button", words.delete, remove, icon(CROSS));
  read.dataset.act = "read";
  gone.dataset.act = "delete";
  // A page may give the same element for each alarm.
  const shown = picture ? element("span.cb-picture", { "aria-hidden": "true" }, typeof picture === "string" ? picture : picture.cloneNode(true)) : null;
  return element("li.cb-row", { "data-unread": unread, "data-id": alarm.id }, shown, main, read, gone);
}
