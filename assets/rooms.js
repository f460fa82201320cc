// The list of rooms: how many people are in each, kept fresh.

import { connect } from "./campanile.js";
import { refresh } from "./page.js";

/** @type {ReturnType<typeof setTimeout>} */
let timer;
// People come and go in bursts.
const soon = () => {
  clearTimeout(timer);
  timer = setTimeout(() => refresh(["room-list"]).catch(() => {}), 500);
};

connect({ user: document.body.dataset.user, rooms: "all", onPresence: soon, onConnect: soon });
