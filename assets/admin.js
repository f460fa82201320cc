// The admin page: publishes without leaving it, never twice by accident; keeps the connections fresh.

import { connect, element, newId, request } from "./campanile.js";
import { refresh, submit } from "./page.js";

const HUB = location.origin;
const REFRESH_EVERY_MS = 5_000;

const form = document.getElementById("publish");
const fields = form.elements;
const result = document.getElementById("publish-result");
let publishing = false;

/** The body of POST /api/alarms that the form describes; throws a sentence for the person when it describes none. */
function body() {
  const made = { to: recipient(), alarmType: fields.alarmType.value.trim() };
  const data = fields.data.value.trim();
  if (data) made.data = parsed(data);
  if (fields.url.value.trim()) made.url = fields.url.value.trim();
  if (fields.expiresInSeconds.value.trim()) made.expiresInSeconds = Number(fields.expiresInSeconds.value);
  return made;
}

function recipient() {
  switch (fields.target.value) {
    case "everyone": return { everyone: true };
    case "admins": return { role: "admin" };
    case "room": return { room: fields.room.value };
  }
  const users = fields.users.value.split(/[\s,]+/).filter(Boolean);
  if (!users.length) throw new Error("Name at least one user.");
  return users.length === 1 ? { user: users[0] } : { users };
}

function parsed(data) {
  try {
    return JSON.parse(data);
  } catch (error) {
    throw new Error(`The data is not JSON: ${error.message}`);
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (publishing) return;
  publishing = true;
  try {
    const alarm = body();
    if (alarm.to.everyone && fields.confirm.value.trim() !== "everyone") {
      fields.confirm.focus();
      throw new Error("Type “everyone” to confirm.");
    }
    const answer = await request(HUB, undefined, "POST", "/api/alarms", alarm, { "idempotency-key": fields.idempotencyKey.value });
    say("good", published(answer.alarms), againButton());
    fields.confirm.value = "";
    refresh(["recent"]).catch(() => {});
  } catch (error) {
    say("bad", error.message);
  } finally {
    publishing = false;
  }
});

// The key belongs to what the form says, not to the click: the second click of a double click, however late, is answered
// with the first one's result. Only a change of the form makes another alarm.
form.addEventListener("input", (event) => {
  if (event.target.name !== "confirm") fields.idempotencyKey.value = newId();
});

function published(alarms) {
  const ids = alarms.map((alarm) => alarm.id);
  return ids.length === 1 ? `Published as ${ids[0]}.` : `Published as ${ids[0]} to ${ids.at(-1)}.`;
}

/** Publishing exactly the same once more is possible, but only on purpose. */
function againButton() {
  const again = () => {
    fields.idempotencyKey.value = newId();
    form.requestSubmit();
  };
  return element("button.link", { type: "button", click: again }, "Publish it again");
}

function say(kind, words, ...more) {
  const note = element("p.notice", {}, words, " ", ...more);
  note.classList.add(kind);
  result.replaceChildren(note);
}

const copy = document.getElementById("copy-curl");
copy.hidden = false;
copy.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(curl(body()));
    copy.textContent = "Copied";
    setTimeout(() => (copy.textContent = "Copy as curl"), 2_000);
  } catch (error) {
    say("bad", error.message);
  }
});

function curl(alarm) {
  const quoted = JSON.stringify(alarm).replaceAll("'", `'\\''`);
  return [
    `curl -X POST '${HUB}/api/alarms'`,
    `-H "Authorization: Bearer $CAMPANILE_TOKEN"`,
    `-H 'Content-Type: application/json'`,
    `-H 'Idempotency-Key: ${fields.idempotencyKey.value}'`,
    `-d '${quoted}'`,
  ].join(" \\\n  ");
}

document.addEventListener("submit", (event) => {
  if (!event.target.closest("#connections")) return;
  event.preventDefault();
  submit(event.target, ["connections", "tiles"]);
});

const look = () => document.visibilityState === "visible" && refresh(["connections", "tiles", "recent"]).catch(() => {});
setInterval(look, REFRESH_EVERY_MS);

let timer;
const soon = () => {
  clearTimeout(timer);
  timer = setTimeout(look, 300);
};
connect({ user: document.body.dataset.user, rooms: "all", onAlarm: soon, onMessage: soon, onPresence: soon, onConnect: soon });
