// One chat room: live messages, earlier messages, and the users who are present.

import { connect, element } from "./campanile.js";
import { ask } from "./page.js";
import { addEarlier, arrived, catchUp, initialOf, isKnown, learn, me, root, roomId, toneOf } from "./room-list.js";
import { sendUnreached } from "./room-sending.js";
import { words } from "./room-words.js";

/** @import { Alarm } from "../web/campanile/wire.d.ts" */

const PATH = `/api/rooms/${encodeURIComponent(roomId)}`;
const PAGE = 50;
// Users often come and go in bursts, so their changes are collected.
const LOOK_AFTER_MS = 150;

// --- earlier messages -------------------------------------------------------------------------------------------------

/** @param {HTMLElement} link */
function watchEarlier(link) {
  link.addEventListener("click", async (event) => {
    event.preventDefault();
    if (link.dataset.busy) return;
    link.dataset.busy = "true";
    link.textContent = words.loading;
    try {
      const page = await ask("GET", `${PATH}/messages?limit=${PAGE}&before=${link.dataset.before}`);
      // The link may be removed, so the focus moves to the list.
      if (page.next === null && document.activeElement === link) document.getElementById("scroller").focus({ preventScroll: true });
      addEarlier(page.items);
      if (page.next === null) link.remove();
      else link.dataset.before = page.next;
      link.textContent = words.earlier;
    } catch {
      link.textContent = words.earlierFailed;
    } finally {
      delete link.dataset.busy;
    }
  });
}

const earlier = document.getElementById("earlier");
if (earlier) watchEarlier(earlier);

/** Handles a gap, when the hub no longer has all messages that this page missed: loads the latest page. */
async function startOver() {
  const page = await ask("GET", `${PATH}/messages?limit=${PAGE}`).catch(() => null);
  if (!page || !catchUp(page.items)) return;
  document.getElementById("earlier")?.remove();
  if (page.next === null) return;
  const link = element("a.earlier", { id: "earlier", href: `/rooms/${roomId}?before=${page.next}`, "data-before": page.next }, words.earlier);
  document.querySelector(".scrolled").prepend(link);
  watchEarlier(link);
}

// --- present users ----------------------------------------------------------------------------------------------------

/** @type {ReturnType<typeof setTimeout>} */
let asking;
function lookAround() {
  clearTimeout(asking);
  asking = setTimeout(async () => {
    const { users, count } = await ask("GET", `${PATH}/presence`).catch(() => ({ users: null }));
    if (users) showPresent(users, count);
  }, LOOK_AFTER_MS);
}

/**
 * @param {{ id: string, displayName: string }[]} users the first of them
 * @param {number} count
 */
function showPresent(users, count) {
  learn(users);
  document.getElementById("presence-count").textContent = String(count);
  const rows = users.map((user) => {
    const avatar = element("span.avatar.small", { "aria-hidden": "true" }, initialOf(user.displayName));
    avatar.classList.add(`tone-${toneOf(user.id)}`);
    return element("li", { "data-user": user.id }, avatar, element("span.who", {}, user.displayName));
  });
  document.getElementById("presence").replaceChildren(...rows);
}

// --- start ------------------------------------------------------------------------------------------------------------

/** @param {Alarm} alarm */
function heard(alarm) {
  if (alarm.topic !== `room:${roomId}`) return;
  arrived(alarm);
  // An unknown sender is usually present, so the list of present users gives their name.
  if (alarm.fromUserId && !isKnown(alarm.fromUserId)) lookAround();
}

connect({
  user: me.id,
  rooms: [roomId],
  cursor: root.dataset.cursor,
  onMessage: heard,
  onPresence: (data) => data.roomId === roomId && lookAround(),
  onConnect: lookAround,
  onStatus: (status) => {
    if (status.state !== "live") return;
    sendUnreached();
    // Polling delivers no presence events.
    if (status.way === "polls") lookAround();
  },
  onGap: startOver,
});
lookAround();
