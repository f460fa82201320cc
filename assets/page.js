// What every page of the hub does: local times, and forms whose answer takes the place of a part of the page.
// The server renders everything; nothing here builds HTML.

import { element, wordsOf } from "./campanile.js";
import { localTimes } from "./times.js";

const TIMES_EVERY_MS = 30_000;

const words = wordsOf({
  en: { unreachable: "The hub cannot be reached. Nothing was changed." },
  ko: { unreachable: "허브에 연결할 수 없습니다. 변경된 내용이 없습니다." },
});

// What the hub itself sends is named in the language of the page.
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

/**
 * Takes the parts with these ids out of a page of this site and puts them in the place of ours.
 * @param {string[]} ids
 * @param {string} [address]
 * @param {RequestInit} [options]
 */
export async function refresh(ids, address = location.href, options = {}) {
  const answer = await fetch(address, { headers: { accept: "text/html" }, ...options });
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const parts = ids.map((id) => [document.getElementById(id), fresh.getElementById(id)]);
  if (parts.some(([, part]) => !part)) {
    // Sent elsewhere: the session has ended. Anything else that came back instead is not worth the page and what was typed.
    if (answer.redirected) return location.assign(answer.url);
    throw new Error(`${address}: ${answer.status}`);
  }
  for (const [old, part] of parts) {
    localTimes(part);
    if (old.isEqualNode(part)) continue;
    // A live region stays: what comes together with its region is not heard.
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
 * Sends a form in the background and shows the answer's parts.
 * @param {HTMLFormElement} form
 * @param {string[]} ids
 */
export async function submit(form, ids) {
  if (form.dataset.busy) return;
  form.dataset.busy = "true";
  try {
    // Without an answer the page is on its way to another: a second click must not send again.
    if (!(await refresh(ids, form.action, { method: "POST", body: new URLSearchParams(/** @type {any} */ (new FormData(form))) }))) return;
  } catch (error) {
    if (isUnreachable(error)) tellUnreachable(ids[0]);
    // The browser's own way shows what came in the answer's place.
    else form.submit();
  }
  delete form.dataset.busy;
}

// A form that names the part of the page its answer is for.
document.addEventListener("submit", async (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const { part } = form.dataset;
  if (!part) return;
  event.preventDefault();
  await submit(form, [part]);
  // The new part's fields begin where the page's would have.
  if (document.activeElement === document.body) /** @type {HTMLElement} */ (document.querySelector(`#${part} [autofocus]`))?.focus();
});

/**
 * Whether nothing answered: then the page that is there is worth more than the browser's error page.
 * @param {unknown} error
 */
export function isUnreachable(error) {
  return error instanceof TypeError;
}

/**
 * Says so at the top of a part, until its next change.
 * @param {string} id
 */
export function tellUnreachable(id) {
  const part = document.getElementById(id);
  part.querySelector(".notice.bad")?.remove();
  part.prepend(element("p.notice.bad", { role: "alert" }, words.unreachable));
}

/**
 * Remembers which button of which row has the focus; after a row is gone, the next row's has it.
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
