// The list of rooms: how many people are in each, kept fresh. That a room was opened is no event; it is seen when its
// first visitor comes, or when this page is looked at again.

import { connect } from "./campanile.js";
import { refresh } from "./page.js";

/** @type {ReturnType<typeof setTimeout>} */
let timer;
// Signed out: the page says so and stays, with what was typed in it.
let over = false;
// People come and go in bursts.
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
