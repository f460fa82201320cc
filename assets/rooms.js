// The list of rooms with the number of users in each, kept up to date. There is no event for a new room: it appears
// when its first visitor comes, or when this page becomes visible again.

import { connect } from "./campanile.js";
import { refresh } from "./page.js";

/** @type {ReturnType<typeof setTimeout>} */
let timer;
// True after the session has ended: the page stays as it is, with the text typed in it.
let over = false;
// Users often come and go in bursts, so their changes are collected.
const soon = () => {
  clearTimeout(timer);
  if (!over) timer = setTimeout(() => refresh(["room-list"]).catch(() => {}), 500);
};

/** @param {{ state: string }} status */
const told = ({ state }) => {
  over = state === "ended";
  if (over) clearTimeout(timer);
};

document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && soon());
connect({ user: document.body.dataset.user, rooms: "all", onPresence: soon, onConnect: soon, onStatus: told });
