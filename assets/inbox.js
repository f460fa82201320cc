// The inbox: its forms are sent in the background, and new alarms wait behind a button, so that nothing moves under the
// pointer.

import { connect, wordsOf } from "./campanile.js";
import { ask, isUnreachable, refresh, submit, tellUnreachable } from "./page.js";

const words = wordsOf({
  en: { fresh: (/** @type {number} */ count) => (count === 1 ? "1 new notification" : `${count} new notifications`) },
  ko: { fresh: (/** @type {number} */ count) => `새 알림 ${count}개` },
});

let fresh = 0;

document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!form.closest("#inbox")) return;
  event.preventDefault();
  submit(form, ["inbox"]).then(renewed);
});

document.addEventListener("click", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  const link = target.closest("#inbox a.cover");
  /** @type {HTMLElement} */
  const row = link?.closest(".entry.unread");
  if (row) ask("POST", `/api/alarms/${row.dataset.id}/read`).catch(() => {});
  if (target.id === "fresh") show();
});

async function show() {
  try {
    await refresh(["inbox"], `/alarms${location.search.replace(/([?&])before=\d+/, "$1")}`);
  } catch (error) {
    if (isUnreachable(error)) tellUnreachable("inbox");
    else location.reload();
    return;
  }
  renewed();
  seen();
}

/** A newly loaded list has its button hidden, so the count starts again. */
function renewed() {
  if (document.getElementById("fresh").hidden) fresh = 0;
}

function seen() {
  const newest = Number(document.getElementById("inbox").dataset.newest);
  if (newest) ask("POST", "/api/alarms/seen", { upTo: newest }).catch(() => {});
}

function announce() {
  const button = document.getElementById("fresh");
  button.textContent = words.fresh(fresh);
  button.hidden = fresh === 0;
}

/** @type {ReturnType<typeof setTimeout>} */
let timer;
connect({
  user: document.body.dataset.user,
  cursor: document.querySelector("campanile-bell")?.getAttribute("cursor"),
  onAlarm: () => {
    fresh += 1;
    announce();
  },
  onState: (data) => {
    // The page's own forms have already loaded the new list; this event reports changes made elsewhere.
    if (data.seen && data.read === undefined) return;
    clearTimeout(timer);
    timer = setTimeout(() => refresh(["inbox"]).then(renewed).catch(() => {}), 300);
  },
  onStatus: ({ state }) => {
    if (state !== "ended") return;
    clearTimeout(timer);
    document.getElementById("inbox").replaceChildren();
  },
  onGap: () => refresh(["inbox"]).catch(() => {}),
});

seen();
