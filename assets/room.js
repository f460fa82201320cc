// One chat room: live messages, who is here, sending at once and again, and what is earlier.
// The server renders the first page; `messageRow` makes the same markup as templates/room.html.

import { connect, element, newId, request, RequestError, safeUrl, summaryOf, typeInWords } from "./campanile.js";
import { dayName, localTimes } from "./times.js";

const HUB = location.origin;
const NEAR_END_PX = 80;
const GROUPED_WITHIN_MS = 5 * 60_000;
const PAGE = 50;

const root = document.getElementById("room");
const roomId = root.dataset.room;
const me = { id: document.body.dataset.user, name: document.body.dataset.name };
const list = document.getElementById("messages");
const scroller = document.getElementById("scroller");
const below = document.getElementById("below");
const composer = document.getElementById("composer");
const field = composer.elements.text;
const names = new Map([[me.id, me.name]]);
const path = `/api/rooms/${encodeURIComponent(roomId)}`;
let unseenBelow = 0;

// --- the list ---------------------------------------------------------------------------------------------------------

function messageRow(alarm, { pending = false } = {}) {
  const author = alarm.fromUserId ?? "";
  const name = names.get(author) ?? author;
  const kind = { CHAT_MESSAGE: "chat", ROOM_RING: "ring" }[alarm.alarmType] ?? "alarm";
  const title = kind === "alarm" ? typeInWords(alarm.alarmType) : name;
  const tag = alarm.data?.senderRole === "admin" ? element("span.tag", {}, "Admin") : null;
  const time = element("time", { datetime: alarm.createdAt, "data-format": "time" });
  const url = kind === "alarm" ? safeUrl(alarm.url) : null;
  const row = element(
    "li.message",
    { "data-id": alarm.id, "data-from": author, "data-at": alarm.createdAt, "data-client-id": alarm.data?.clientId },
    element("span.avatar", { "aria-hidden": "true" }, [...(title || "?")][0].toUpperCase()),
    element(
      "div.bubble",
      {},
      element("p.byline", {}, element("b", {}, title), tag ? " " : null, tag, " ", time),
      element("p.text", {}, summaryOf(alarm)),
      url ? element("a.follow", { href: url, rel: "noopener noreferrer" }, "Open") : null,
    ),
  );
  row.classList.add(kind);
  row.classList.toggle("mine", author === me.id && kind === "chat");
  row.classList.toggle("pending", pending);
  row.firstElementChild.classList.add(`tone-${toneOf(author || title)}`);
  localTimes(row);
  return row;
}

/** The same sum as `pages::person::tone`, so that a person keeps a colour. */
function toneOf(id) {
  return [...id].reduce((sum, letter) => sum + letter.codePointAt(0), 0) % 8;
}

/** Puts a row where its id belongs. What was said here but is not stored yet stays last. */
function place(row) {
  const id = Number(row.dataset.id);
  const later = [...list.children].findLast((one) => one.classList.contains("message") && one.dataset.id && Number(one.dataset.id) < id);
  if (!row.dataset.id) list.append(row);
  else if (later) later.after(row);
  else list.prepend(row);
  document.getElementById("no-messages")?.remove();
}

/** Shows a message once, whether it comes from the stream, from an answer, or from the history. */
function take(alarm) {
  if (list.querySelector(`[data-id="${CSS.escape(String(alarm.id))}"]`)) return false;
  const clientId = alarm.fromUserId === me.id ? alarm.data?.clientId : null;
  const pending = clientId ? list.querySelector(`[data-client-id="${CSS.escape(clientId)}"]:not([data-id])`) : null;
  pending?.remove();
  place(messageRow(alarm));
  return !pending;
}

/** Runs a change of the list's end and keeps what is being read where it is. */
function keepingPlace(change) {
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

/** Day lines, and one byline for what one person says within five minutes. */
function regroup() {
  let before = null;
  for (const row of [...list.querySelectorAll(".message")]) {
    const at = new Date(row.dataset.at);
    const newDay = !before || before.at.toDateString() !== at.toDateString();
    const line = row.previousElementSibling?.classList.contains("day") ? row.previousElementSibling : null;
    if (newDay && !line) row.before(element("li.day", {}, element("span", {}, dayName(at))));
    if (!newDay) line?.remove();
    const grouped = !newDay && row.classList.contains("chat") && before.chat && before.from === row.dataset.from && at - before.at < GROUPED_WITHIN_MS;
    row.classList.toggle("continued", grouped);
    before = { at, from: row.dataset.from, chat: row.classList.contains("chat") };
  }
  // A row that was replaced leaves its line behind.
  for (const line of list.querySelectorAll(".day")) if (!line.nextElementSibling?.classList.contains("message")) line.remove();
}

function arrived(alarm) {
  if (root.hasAttribute("data-paged")) return;
  let fresh = false;
  const followed = keepingPlace(() => (fresh = take(alarm)));
  if (fresh && !followed && alarm.fromUserId !== me.id) {
    unseenBelow += 1;
    showBelow();
  }
}

function showBelow() {
  below.hidden = unseenBelow === 0;
  below.textContent = unseenBelow === 1 ? "1 new message" : `${unseenBelow} new messages`;
}

function toEnd() {
  unseenBelow = 0;
  showBelow();
  scroller.scrollTop = 0;
}

below.addEventListener("click", toEnd);
scroller.addEventListener("scroll", () => {
  if (!unseenBelow || !atEnd()) return;
  unseenBelow = 0;
  showBelow();
});

// --- what is earlier --------------------------------------------------------------------------------------------------

const earlier = document.getElementById("earlier");
earlier?.addEventListener("click", async (event) => {
  event.preventDefault();
  if (earlier.dataset.busy) return;
  earlier.dataset.busy = "true";
  earlier.textContent = "Loading…";
  try {
    const page = await request(HUB, undefined, "GET", `${path}/messages?limit=${PAGE}&before=${earlier.dataset.before}`);
    const distance = scroller.scrollTop;
    for (const alarm of page.items) take(alarm);
    regroup();
    scroller.scrollTop = distance;
    if (page.next === null) earlier.remove();
    else earlier.dataset.before = page.next;
    earlier.textContent = "Load earlier";
  } catch {
    earlier.textContent = "That did not work. Load earlier";
  } finally {
    delete earlier.dataset.busy;
  }
});

async function catchUp() {
  const page = await request(HUB, undefined, "GET", `${path}/messages?limit=${PAGE}`).catch(() => null);
  for (const alarm of page?.items.reverse() ?? []) arrived(alarm);
}

// --- sending ----------------------------------------------------------------------------------------------------------

function send(text) {
  const clientId = newId();
  const data = { text, clientId, senderRole: null };
  const row = messageRow({ fromUserId: me.id, alarmType: "CHAT_MESSAGE", createdAt: new Date().toISOString(), data }, { pending: true });
  keepingPlace(() => place(row));
  toEnd();
  deliver(row, text, clientId);
}

async function deliver(row, text, clientId) {
  row.classList.add("pending");
  row.classList.remove("failed");
  row.querySelector(".trouble")?.remove();
  try {
    arrived(await request(HUB, undefined, "POST", `${path}/messages`, { text, clientId }));
  } catch (error) {
    // The stream may have brought it although the answer was lost.
    if (row.isConnected) fail(row, error, () => deliver(row, text, clientId));
  }
}

function fail(row, error, again) {
  const why = error instanceof RequestError ? error.message : "The hub cannot be reached.";
  const remove = () => keepingPlace(() => row.remove());
  keepingPlace(() => {
    row.classList.replace("pending", "failed");
    row.lastElementChild.append(
      element(
        "p.trouble",
        { role: "alert" },
        element("span", {}, `Not sent. ${why} `),
        element("button.link", { type: "button", click: again }, "Try again"),
        " ",
        element("button.link", { type: "button", click: remove }, "Discard"),
      ),
    );
  });
}

composer.addEventListener("submit", (event) => {
  if (root.hasAttribute("data-paged")) return;
  event.preventDefault();
  const text = field.value;
  if (!text.trim()) return;
  composer.querySelector(".notice")?.remove();
  field.value = "";
  fit();
  field.focus();
  send(text);
});

field.addEventListener("keydown", (event) => {
  // While Korean (or any) input is being composed, Enter belongs to the input method; 229 is Safari's way to say so.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  composer.requestSubmit();
});

/** The field grows with its text where the stylesheet cannot do it. */
function fit() {
  if (CSS.supports("field-sizing", "content")) return;
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}
field.addEventListener("input", fit);

const ring = document.getElementById("ring");
ring.hidden = false;
ring.addEventListener("click", async () => {
  ring.disabled = true;
  const query = new URLSearchParams({ sender: me.id, roomId });
  await request(HUB, undefined, "POST", `/room/publish?${query}`).catch((error) => {
    ring.title = error.message;
  });
  // A held-down key must not ring for ever.
  setTimeout(() => (ring.disabled = false), 1_000);
});

// --- who is here ------------------------------------------------------------------------------------------------------

let asking;
function lookAround() {
  clearTimeout(asking);
  asking = setTimeout(async () => {
    const { users } = await request(HUB, undefined, "GET", `${path}/presence`).catch(() => ({}));
    if (users) showPresent(users);
  }, 150);
}

function showPresent(users) {
  for (const user of users) names.set(user.id, user.displayName);
  document.getElementById("presence-count").textContent = users.length;
  const rows = users.map((user) => {
    const avatar = element("span.avatar.small", { "aria-hidden": "true" }, [...user.displayName][0].toUpperCase());
    avatar.classList.add(`tone-${toneOf(user.id)}`);
    return element("li", { "data-user": user.id }, avatar, element("span.who", {}, user.displayName));
  });
  document.getElementById("presence").replaceChildren(...rows);
}

// --- start ------------------------------------------------------------------------------------------------------------

for (const row of list.querySelectorAll(".message.chat")) names.set(row.dataset.from, row.querySelector(".byline b").textContent);
regroup();

connect({
  user: me.id,
  rooms: [roomId],
  cursor: root.dataset.cursor,
  onMessage: (alarm) => alarm.topic === `room:${roomId}` && arrived(alarm),
  onPresence: (data) => data.roomId === roomId && lookAround(),
  onConnect: lookAround,
  onGap: catchUp,
});
lookAround();
