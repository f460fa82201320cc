// The message form: shows a message at once, retries it after a failure, never sends it twice, and keeps unsent text
// across page loads.

import { element, newId, RequestError } from "./campanile.js";
import { recall, remember } from "./memory.js";
import { ask } from "./page.js";
import { whyOf } from "./refused.js";
import { addPending, arrived, isStored, keepingPlace, me, paged, roomId, toEnd } from "./room-list.js";
import { words } from "./room-words.js";

/** @typedef {{ clientId: string, text: string, at: string }} Unsent */

const PATH = `/api/rooms/${encodeURIComponent(roomId)}`;
const DRAFT = `campanile draft ${me.id} ${roomId}`;
const OUTBOX = `campanile outbox ${me.id} ${roomId}`;
const RING_PAUSE_MS = 1_000;

/** @type {Map<string, () => void>} by client id: the retries of messages that did not reach the hub */
const unreached = new Map();
// Messages are sent one after the other, because parallel requests may arrive in any order.
let sending = Promise.resolve();

const composer = /** @type {HTMLFormElement} */ (document.getElementById("composer"));
const field = /** @type {HTMLTextAreaElement} */ (document.getElementById("text"));
const ring = /** @type {HTMLButtonElement} */ (document.getElementById("ring"));

/** @returns {Unsent[]} the messages of this tab that are not known to be stored */
function outbox() {
  return recall("sessionStorage", OUTBOX) ?? [];
}

/** @param {string} clientId */
function settle(clientId) {
  unreached.delete(clientId);
  const left = outbox().filter((one) => one.clientId !== clientId);
  remember("sessionStorage", OUTBOX, left.length ? left : null);
}

/** @param {string} text */
function send(text) {
  const unsent = { clientId: newId(), text, at: new Date().toISOString() };
  remember("sessionStorage", OUTBOX, [...outbox(), unsent]);
  const row = addPending(text, unsent.clientId, unsent.at);
  toEnd();
  deliver(row, unsent);
}

/**
 * @param {HTMLElement} row
 * @param {Unsent} unsent
 */
function deliver(row, unsent) {
  unreached.delete(unsent.clientId);
  row.classList.add("pending");
  row.classList.remove("failed");
  row.querySelector(".trouble")?.remove();
  sending = sending.then(() => post(row, unsent));
}

/**
 * @param {HTMLElement} row
 * @param {Unsent} unsent
 */
async function post(row, unsent) {
  const { clientId, text } = unsent;
  try {
    arrived(await ask("POST", `${PATH}/messages`, { text, clientId }));
    settle(clientId);
  } catch (error) {
    // The stream may have delivered it although the response was lost.
    if (isStored(clientId)) settle(clientId);
    else fail(row, unsent, error);
  }
}

/** Sends the unsent messages again when the hub is reachable. */
export function sendUnreached() {
  for (const again of [...unreached.values()]) again();
}

/**
 * @param {HTMLElement} row
 * @param {Unsent} unsent
 * @param {unknown} error
 */
function fail(row, unsent, error) {
  if (!(error instanceof RequestError) || error.status >= 500) unreached.set(unsent.clientId, () => deliver(row, unsent));
  const again = () => {
    field.focus();
    deliver(row, unsent);
  };
  const discard = () => {
    settle(unsent.clientId);
    keepingPlace(() => row.remove());
    field.focus();
  };
  keepingPlace(() => {
    row.classList.replace("pending", "failed");
    row.lastElementChild.append(
      element(
        "p.trouble",
        { role: "alert" },
        element("span", {}, `${words.notSent} ${whyOf(error)} `),
        element("button.link", { type: "button", click: again }, words.again),
        " ",
        element("button.link", { type: "button", click: discard }, words.discard),
      ),
    );
  });
}

/**
 * Sends the messages again that were under way when the page was closed. The client id makes sure that each is stored
 * once.
 */
function takeUpOutbox() {
  for (const unsent of outbox()) {
    if (isStored(unsent.clientId)) settle(unsent.clientId);
    else deliver(addPending(unsent.text, unsent.clientId, unsent.at), unsent);
  }
}

composer.addEventListener("submit", (event) => {
  if (paged) return;
  event.preventDefault();
  const text = field.value;
  if (!text.trim()) return;
  composer.querySelector(".notice")?.remove();
  field.value = "";
  remember("sessionStorage", DRAFT, null);
  fit();
  field.focus();
  send(text);
});

field.addEventListener("keydown", (event) => {
  // While an input method composes text (Korean, for instance), Enter belongs to it; Safari signals this with key code
  // 229.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  composer.requestSubmit();
});

/** Fits the height of the field to its text, if the stylesheet cannot do it. */
function fit() {
  if (CSS.supports("field-sizing", "content")) return;
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}

field.addEventListener("input", () => {
  remember("sessionStorage", DRAFT, field.value || null);
  fit();
});

ring.hidden = false;
ring.addEventListener("click", async () => {
  ring.disabled = true;
  const query = new URLSearchParams({ sender: me.id, roomId });
  composer.querySelector(".notice")?.remove();
  await ask("POST", `/room/publish?${query}`).catch((error) => {
    composer.prepend(element("p.notice.bad", { role: "alert" }, whyOf(error)));
  });
  // A key that is held down must not ring repeatedly.
  setTimeout(() => {
    ring.disabled = false;
    if (document.activeElement === document.body) ring.focus();
  }, RING_PAUSE_MS);
});

if (!field.value) field.value = recall("sessionStorage", DRAFT) ?? "";
fit();
if (!paged) takeUpOutbox();
