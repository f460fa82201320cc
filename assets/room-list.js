// The messages of a room: their rows and order, day lines, the line "new since you left", and a stable scroll position.
// The server renders the first page; `messageRow` makes the same markup as templates/room.html.

import { element, safeUrl, summaryOf, typeInWords } from "./campanile.js";
import { recall, remember } from "./memory.js";
import { words } from "./room-words.js";
import { dayName, localTimes } from "./times.js";

/** @import { Alarm } from "../web/campanile/wire.d.ts" */

const NEAR_END_PX = 80;
const GROUPED_WITHIN_MS = 5 * 60_000;

export const root = document.getElementById("room");
export const roomId = root.dataset.room;
export const me = { id: document.body.dataset.user, name: document.body.dataset.name };
/** True on a page of older messages, which is not live. */
export const paged = root.hasAttribute("data-paged");

const list = document.getElementById("messages");
const scroller = document.getElementById("scroller");
const below = document.getElementById("below");
const SEEN = `campanile seen ${me.id} ${roomId}`;
/** @type {Map<string, string>} */
const names = new Map([[me.id, me.name]]);
let unseenBelow = 0;
/** @type {number | null} the last message seen before this user left the page; null if there is none after it */
let leftAt = recall("localStorage", SEEN);

/**
 * @param {Alarm} alarm
 * @param {{ pending?: boolean }} [options]
 */
function messageRow(alarm, { pending = false } = {}) {
  const author = alarm.fromUserId ?? "";
  const kind = { CHAT_MESSAGE: "chat", ROOM_RING: "ring" }[alarm.alarmType] ?? "alarm";
  const title = kind === "alarm" ? typeInWords(alarm.alarmType) : (names.get(author) ?? author);
  const byAdmin = alarm.data?.senderRole === "admin";
  const tag = byAdmin ? adminTag() : null;
  const time = element("time", { datetime: alarm.createdAt, "data-format": "time" });
  const url = kind === "alarm" ? safeUrl(alarm.url) : null;
  const text = kind === "ring" ? (byAdmin ? words.adminRings : words.rings)(title) : summaryOf(alarm);
  const row = element(
    "li.message",
    { "data-id": alarm.id, "data-from": author, "data-at": alarm.createdAt, "data-client-id": alarm.data?.clientId },
    element("span.avatar", { "aria-hidden": "true" }, initialOf(title)),
    element(
      "div.bubble",
      {},
      element("p.byline", {}, element("b", {}, title), tag ? " " : null, tag, " ", time),
      element("p.text", {}, text),
      url ? element("a.follow", { href: url, rel: "noopener noreferrer" }, words.open) : null,
    ),
  );
  row.classList.add(kind);
  row.classList.toggle("mine", author === me.id && kind === "chat");
  row.classList.toggle("pending", pending);
  row.firstElementChild.classList.add(`tone-${toneOf(author || title)}`);
  localTimes(row);
  return row;
}

function adminTag() {
  return element("span.tag", {}, words.admin);
}

/** @param {string} name */
export function initialOf(name) {
  return [...(name || "?")][0].toUpperCase();
}

/**
 * Uses the same sum as `pages::view::tone`, so that a user keeps their colour.
 * @param {string} id
 */
export function toneOf(id) {
  return [...id].reduce((sum, letter) => sum + letter.codePointAt(0), 0) % 8;
}

/** @returns {HTMLElement[]} */
function rows() {
  return [...list.querySelectorAll(/** @type {"li"} */ (".message"))];
}

/**
 * Inserts a row in the order of the ids. Messages that are not stored yet stay last.
 * @param {HTMLElement} row
 */
function place(row) {
  const id = Number(row.dataset.id);
  const later = rows().findLast((one) => one !== row && one.dataset.id && Number(one.dataset.id) < id);
  if (!row.dataset.id) list.append(row);
  else if (later) later.after(row);
  else list.prepend(row);
  document.getElementById("no-messages")?.remove();
}

/**
 * Shows a message once, whether from the stream, a response or the history. Returns true if it is new.
 * @param {Alarm} alarm
 */
function take(alarm) {
  if (list.querySelector(`[data-id="${alarm.id}"]`)) return false;
  const pending = alarm.fromUserId === me.id && alarm.data?.clientId ? rowOf(alarm.data.clientId) : null;
  if (!pending) {
    place(messageRow(alarm));
    return true;
  }
  // The row is kept, so that a screen reader announces it once.
  pending.classList.remove("pending", "failed");
  pending.querySelector(".trouble")?.remove();
  if (alarm.data.senderRole === "admin" && !pending.querySelector(".tag")) pending.querySelector(".byline b").after(" ", adminTag());
  pending.dataset.id = String(alarm.id);
  pending.dataset.at = alarm.createdAt;
  const next = rows()[rows().indexOf(pending) + 1];
  const last = rows().findLast((one) => one !== pending && one.dataset.id);
  const inOrder = (!last || Number(last.dataset.id) < alarm.id) && !next?.dataset.id;
  if (!inOrder) place(pending);
  return false;
}

/**
 * The row of a message sent here that is not stored yet, as far as this page knows.
 * @param {string} clientId
 * @returns {HTMLElement | null}
 */
export function rowOf(clientId) {
  return list.querySelector(`[data-client-id="${CSS.escape(clientId)}"]:not([data-id])`);
}

/**
 * True if a message of this page is stored.
 * @param {string} clientId
 */
export function isStored(clientId) {
  return list.querySelector(`[data-client-id="${CSS.escape(clientId)}"][data-id]`) !== null;
}

/**
 * Shows a message that is about to be sent.
 * @param {string} text
 * @param {string} clientId
 * @param {string} at
 */
export function addPending(text, clientId, at) {
  const data = { text, clientId, senderRole: null };
  const row = messageRow({ fromUserId: me.id, alarmType: "CHAT_MESSAGE", createdAt: at, data }, { pending: true });
  keepingPlace(() => place(row));
  return row;
}

/**
 * Changes the list and keeps the scroll position. Returns true if the end of the list was in view.
 * @param {() => void} change
 */
export function keepingPlace(change) {
  const end = atEnd();
  const height = scroller.scrollHeight;
  change();
  regroup();
  // The scroller is reversed: its position is the distance from the end.
  scroller.scrollTop = end ? 0 : scroller.scrollTop - (scroller.scrollHeight - height);
  return end;
}

function atEnd() {
  return Math.abs(scroller.scrollTop) < NEAR_END_PX;
}

/** Draws the day lines, and groups messages of one sender within five minutes under one name. */
function regroup() {
  drawSince();
  let before = null;
  for (const row of rows()) {
    const at = new Date(row.dataset.at);
    const newDay = !before || before.at.toDateString() !== at.toDateString();
    const line = lineBefore(row, "day");
    if (newDay) nameDay(line ?? row, at);
    else line?.remove();
    const chat = row.classList.contains("chat");
    const follows = !newDay && chat && before.chat && before.from === row.dataset.from && !lineBefore(row, "since");
    row.classList.toggle("continued", follows && at.getTime() - before.at.getTime() < GROUPED_WITHIN_MS);
    before = { at, from: row.dataset.from, chat };
  }
  // A moved or removed row leaves its day line behind.
  for (const line of list.querySelectorAll(".day")) {
    const row = messageAfter(line);
    if (!row || lineBefore(row, "day") !== line) line.remove();
  }
}

/**
 * Names the day of a line, or of a new line before a row. After midnight "today" becomes "yesterday".
 * @param {Element} place
 * @param {Date} at
 */
function nameDay(place, at) {
  const name = dayName(at);
  if (place.classList.contains("message")) place.before(element("li.day", {}, element("span", {}, name)));
  else if (place.textContent !== name) place.firstElementChild.textContent = name;
}

/** @param {Element | null} line */
function messageAfter(line) {
  let one = line?.nextElementSibling;
  while (one && !one.classList.contains("message")) one = one.nextElementSibling;
  return one;
}

/**
 * @param {Element} row
 * @param {"day" | "since"} kind
 */
function lineBefore(row, kind) {
  let one = row.previousElementSibling;
  while (one && !one.classList.contains("message")) {
    if (one.classList.contains(kind)) return one;
    one = one.previousElementSibling;
  }
  return null;
}

// --- seen and new messages --------------------------------------------------------------------------------------------

/** Draws the line before the first message of another user after this user left. */
function drawSince() {
  const line = list.querySelector(".since");
  const first = leftAt === null ? null : rows().find((row) => Number(row.dataset.id) > leftAt && row.dataset.from !== me.id);
  if (first && messageAfter(line) === first) return;
  line?.remove();
  first?.before(element("li.since", {}, element("span", {}, words.since)));
}

/** Marks the end of the list as seen if it is in view on a visible page. */
function see() {
  if (document.visibilityState !== "visible" || !atEnd()) return;
  const newest = rows().findLast((row) => row.dataset.id)?.dataset.id;
  if (newest) remember("localStorage", SEEN, Number(newest));
}

/** Handles the return of the user. A line that was drawn stays; if there is none, later messages get no line. */
function arrive() {
  drawSince();
  if (!list.querySelector(".since")) leftAt = null;
  see();
}

function leave() {
  leftAt = recall("localStorage", SEEN);
}

// --- the end of the list ----------------------------------------------------------------------------------------------

/** @param {Alarm} alarm */
export function arrived(alarm) {
  if (paged) return;
  let fresh = false;
  const followed = keepingPlace(() => (fresh = take(alarm)));
  if (fresh && !followed && alarm.fromUserId !== me.id) {
    unseenBelow += 1;
    showBelow();
  }
  see();
}

/**
 * Inserts messages before the first one shown.
 * @param {Alarm[]} alarms
 */
export function addEarlier(alarms) {
  const distance = scroller.scrollTop;
  for (const alarm of alarms) take(alarm);
  regroup();
  scroller.scrollTop = distance;
}

/**
 * Shows the latest messages after a gap. If none of them is shown already, the older messages are removed.
 * @param {Alarm[]} newestFirst
 * @returns {boolean} whether there was no bridge
 */
export function catchUp(newestFirst) {
  const known = newestFirst.some((alarm) => list.querySelector(`[data-id="${alarm.id}"]`));
  if (!known) for (const row of rows()) if (row.dataset.id) row.remove();
  for (const alarm of newestFirst.toReversed()) arrived(alarm);
  return !known;
}

function showBelow() {
  below.hidden = unseenBelow === 0;
  below.textContent = words.below(unseenBelow);
}

export function toEnd() {
  unseenBelow = 0;
  showBelow();
  scroller.scrollTop = 0;
  see();
}

// --- names ------------------------------------------------------------------------------------------------------------

/** @param {string} id */
export function isKnown(id) {
  return names.has(id);
}

/**
 * Stores display names and updates the rows of these users.
 * @param {{ id: string, displayName: string }[]} users
 */
export function learn(users) {
  for (const { id, displayName } of users) {
    if (names.get(id) === displayName) continue;
    names.set(id, displayName);
    for (const row of rows()) {
      if (row.dataset.from !== id || !row.classList.contains("chat")) continue;
      row.querySelector(".byline b").textContent = displayName;
      row.querySelector(".avatar").textContent = initialOf(displayName);
    }
  }
}

for (const row of rows()) {
  if (row.classList.contains("chat")) names.set(row.dataset.from, row.querySelector(".byline b").textContent);
}
below.addEventListener("click", () => {
  toEnd();
  document.getElementById("text").focus();
});
scroller.addEventListener("scroll", () => {
  if (!atEnd()) return;
  unseenBelow = 0;
  showBelow();
  see();
});
if (!paged) document.addEventListener("visibilitychange", () => (document.visibilityState === "visible" ? arrive() : leave()));
regroup();
if (!paged && document.visibilityState === "visible") arrive();
