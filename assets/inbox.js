// The inbox: its forms act without leaving the page, and what is new waits behind a button so that nothing moves
// under the pointer.

import { connect, request } from "./campanile.js";
import { refresh, submit } from "./page.js";

let fresh = 0;

document.addEventListener("submit", (event) => {
  if (!event.target.closest("#inbox")) return;
  event.preventDefault();
  fresh = 0;
  submit(event.target, ["inbox"]);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("#inbox a.cover");
  const row = link?.closest(".entry.unread");
  if (row) request(location.origin, undefined, "POST", `/api/alarms/${row.dataset.id}/read`).catch(() => {});
  if (event.target.id === "fresh") show();
});

async function show() {
  fresh = 0;
  await refresh(["inbox"], "/alarms" + location.search.replace(/([?&])before=\d+/, "$1")).catch(() => location.reload());
  seen();
}

function seen() {
  const newest = Number(document.getElementById("inbox").dataset.newest);
  if (newest) request(location.origin, undefined, "POST", "/api/alarms/seen", { upTo: newest }).catch(() => {});
}

function announce() {
  const button = document.getElementById("fresh");
  button.textContent = fresh === 1 ? "1 new notification" : `${fresh} new notifications`;
  button.hidden = fresh === 0;
}

let timer;
connect({
  user: document.body.dataset.user,
  cursor: document.querySelector("campanile-bell")?.getAttribute("cursor"),
  onAlarm: () => {
    fresh += 1;
    announce();
  },
  onState: (data) => {
    // Our own forms already brought the new page; this is for what was done elsewhere.
    if (data.seen && data.read === undefined) return;
    clearTimeout(timer);
    timer = setTimeout(() => refresh(["inbox"]).then(() => (fresh = 0)).catch(() => {}), 300);
  },
  onGap: () => refresh(["inbox"]).catch(() => {}),
});

seen();
