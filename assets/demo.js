// /demo/embed: an example of another site's script that uses the module. It imports the same address as the script tag
// of the page, so that the module is loaded once.

export {};

const tag = /** @type {HTMLScriptElement} */ (document.getElementById("module"));
/** @type {typeof import("./campanile.js")} */
const { connect, element } = await import(tag.src);

const MOST_LINES = 50;

// The site's own names for the types of its alarms.
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
  // If the request failed, the form is submitted normally, so that the browser shows the error.
  const answer = await fetch(ring.action, { method: "POST", redirect: "manual" }).catch(() => null);
  if (answer?.type !== "opaqueredirect") ring.submit();
});
