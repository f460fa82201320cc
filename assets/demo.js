// /demo/embed: what another site's script would do with the module. It takes it by the same address as the page's tag, so
// that there is one.

export {};

const tag = /** @type {HTMLScriptElement} */ (document.getElementById("module"));
/** @type {typeof import("./campanile.js")} */
const { connect, element } = await import(tag.src);

const MOST_LINES = 50;

// The site's own words for what it sends.
const bell = /** @type {import("./campanile.js").CampanileBell} */ (document.querySelector("campanile-bell"));
const kinds = JSON.parse(bell.dataset.kinds);
bell.describe = ({ alarmType }) => ({ what: kinds[alarmType] });

const heard = document.getElementById("heard");
const ring = /** @type {HTMLFormElement} */ (document.getElementById("ring"));

for (const hub of document.querySelectorAll(".hub")) hub.textContent = location.origin;

/**
 * @param {string} name
 * @param {unknown} value
 */
function show(name, value) {
  heard.append(element("li", {}, `${name} ${JSON.stringify(value)}`));
  if (heard.childElementCount > MOST_LINES) heard.firstElementChild.remove();
  heard.scrollTop = heard.scrollHeight;
}

connect({
  user: document.body.dataset.user,
  onStatus: (status) => show("onStatus", status),
  onCounts: (counts) => show("onCounts", counts),
  onAlarm: (alarm) => show("onAlarm", alarm),
  onState: (state) => show("onState", state),
});

ring.addEventListener("submit", async (event) => {
  event.preventDefault();
  // The form's own way shows what is wrong, if anything is.
  const answer = await fetch(ring.action, { method: "POST", redirect: "manual" }).catch(() => null);
  if (answer?.type !== "opaqueredirect") ring.submit();
});
