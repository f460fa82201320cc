// The script of every page of the hub: local times, and forms whose answer replaces a part of the page. The server
// renders all HTML.

import { element, request, wordsOf } from "./campanile.js";
import { localTimes } from "./times.js";

const TIMES_EVERY_MS = 30_000;

const words = wordsOf({
  en: { unreachable: "The hub cannot be reached. Nothing was changed." },
  ko: { unreachable: "허브에 연결할 수 없습니다. 변경된 내용이 없습니다." },
});

// The names of the hub's own alarm types, in the language of the page.
const bell = /** @type {import("./campanile.js").CampanileBell} */ (document.querySelector("campanile-bell"));
const kinds = JSON.parse(bell?.dataset.kinds ?? "{}");
if (bell) bell.describe = ({ alarmType }) => ({ what: kinds[alarmType] });

localTimes();
setInterval(() => localTimes(), TIMES_EVERY_MS);

for (const menu of /** @type {NodeListOf<HTMLDetailsElement>} */ (document.querySelectorAll("details.menu"))) {
  document.addEventListener("pointerdown", (event) => menu.contains(/** @type {Node} */ (event.target)) || (menu.open = false));
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

// The user that the page was made for. The cookie may become another user's while the page is open; then the hub refuses its requests.
const asUser = document.body.dataset.user ? { "campanile-user": encodeURIComponent(document.body.dataset.user) } : {};

/**
 * Asks the hub in the name of whoever this page is for.
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 */
export function ask(method, path, body) {
  return request(location.origin, undefined, method, path, body, asUser);
}

/**
 * Fetches a page of this site and replaces the parts with these ids by its parts.
 * @param {string[]} ids
 * @param {string} [address]
 * @param {RequestInit} [options]
 */
export async function refresh(ids, address = location.href, options = {}) {
  const answer = await fetch(address, { headers: { accept: "text/html", ...asUser }, ...options });
  // Somebody else is signed in now, and gets a page of their own.
  if (answer.status === 412) return location.reload();
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const parts = ids.map((id) => [document.getElementById(id), fresh.getElementById(id)]);
  if (parts.some(([, part]) => !part)) {
    // A redirect means that the session has ended. Any other page is ignored, so that this page and the typed text
    // stay.
    if (answer.redirected) return location.assign(answer.url);
    throw new Error(`${address}: ${answer.status}`);
  }
  for (const [old, part] of parts) {
    localTimes(part);
    if (old.isEqualNode(part)) continue;
    // A live region stays in the page: a screen reader does not announce the content of a new one.
    if (old.getAttribute("role") === "status") {
      old.replaceChildren(...part.childNodes);
      continue;
    }
    const focus = focusIn(old);
    old.replaceWith(document.adoptNode(part));
    focus(part);
  }
  return answer;
}

/**
 * Sends a form in the background and shows the parts of the answer.
 * @param {HTMLFormElement} form
 * @param {string[]} ids
 */
export async function submit(form, ids) {
  if (form.dataset.busy) return;
  form.dataset.busy = "true";
  try {
    // Without an answer the browser is loading another page, and a second click must not send again.
    if (!(await refresh(ids, form.action, { method: "POST", body: new URLSearchParams(/** @type {any} */ (new FormData(form))) }))) return;
  } catch (error) {
    if (isUnreachable(error)) tellUnreachable(ids[0]);
    // A normal submission shows the page that was answered instead.
    else form.submit();
  }
  delete form.dataset.busy;
}

// Forms that name the part of the page that their answer replaces.
document.addEventListener("submit", async (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const { part } = form.dataset;
  if (!part) return;
  event.preventDefault();
  await submit(form, [part]);
  // The focus goes to the field of the new part that has `autofocus`.
  if (document.activeElement === document.body) /** @type {HTMLElement} */ (document.querySelector(`#${part} [autofocus]`))?.focus();
});

/**
 * True if there was no answer. The current page then stays, because the browser's error page would be of less use.
 * @param {unknown} error
 */
export function isUnreachable(error) {
  return error instanceof TypeError;
}

/**
 * Shows at the top of a part that the hub is unreachable, until the next change of the part.
 * @param {string} id
 */
export function tellUnreachable(id) {
  const part = document.getElementById(id);
  part.querySelector(".notice.bad")?.remove();
  part.prepend(element("p.notice.bad", { role: "alert" }, words.unreachable));
}

/**
 * Remembers the focused button of a row. If the row is gone afterwards, the same button of the next row gets the focus.
 * @param {HTMLElement} root
 */
function focusIn(root) {
  const focused = /** @type {HTMLElement} */ (root.contains(document.activeElement) ? document.activeElement : null);
  if (!focused) return () => {};
  /**
   * @param {HTMLElement} element
   * @returns {HTMLElement[]}
   */
  const like = (element) => /** @type {HTMLElement[]} */ ([...element.querySelectorAll("button, a[href]")]).filter((one) => one.dataset.act === focused.dataset.act);
  const position = like(root).indexOf(focused);
  return (fresh) => {
    const candidates = like(fresh);
    candidates[Math.min(position, candidates.length - 1)]?.focus({ preventScroll: true });
  };
}
