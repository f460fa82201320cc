// The admin pages: publishes in the background and never twice by accident, previews the audience, and updates the
// figures, the recent alarms and the connections. The texts are part of the page.

import { refresh, submit } from "./page.js";

const REFRESH_EVERY_MS = 5_000;
const PREVIEW_AFTER_MS = 300;
/** The number of seconds in a chart; the server draws the same number. */
const SECONDS = 60;

const words = document.getElementById("admin-words")?.dataset ?? {};
const number = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 1 });

/** Fills the placeholders of a sentence. */
function filled(sentence, ...values) {
  return sentence.replace(/\{(\d)\}/g, (hole, index) => String(values[Number(index)] ?? hole));
}

/**
 * Submits the form and returns the part of the hub's answer with this id, in the language of the page.
 * @param {string} address
 * @param {string} id
 */
async function answerTo(address, id) {
  const body = new URLSearchParams(/** @type {any} */ (new FormData(form)));
  const asked = fetch(address, { method: "POST", headers: { accept: "text/html" }, body });
  const text = await asked.then((answer) => answer.text()).catch(() => {
    throw new Error(words.unreachable);
  });
  const page = new DOMParser().parseFromString(text, "text/html");
  const part = page.getElementById(id);
  if (part?.childElementCount) return part;
  // The answer is not the expected page: the session has ended, or it is the error page.
  throw new Error(page.querySelector(".fault p:not([class])")?.textContent ?? words.sessionOver);
}

// --- publishing -------------------------------------------------------------------------------------------------------

const form = /** @type {HTMLFormElement} */ (document.getElementById("publish"));

function publishing() {
  /** @type {any} */
  const fields = form.elements;
  const result = document.getElementById("publish-result");
  const copy = document.getElementById("copy-curl");
  const check = document.getElementById("data-check");
  const audience = document.getElementById("audience");
  /**
   * The idempotency keys of the requests under way: the same request is not sent twice, and another one need not wait.
   */
  const underWay = new Set();
  let timer;
  let asked = 0;

  /** Returns the body of POST /api/alarms. The data stays as it was typed, because parsing would round its numbers. */
  function body() {
    const parts = [`"to":${JSON.stringify(recipient())}`, `"alarmType":${JSON.stringify(fields.alarmType.value.trim())}`];
    const data = fields.data.value.trim();
    const fault = faultOf(data);
    if (fault) throw new Error(fault);
    if (data) parts.push(`"data":${data}`);
    if (fields.url.value.trim()) parts.push(`"url":${JSON.stringify(fields.url.value.trim())}`);
    if (fields.expiresInSeconds.value.trim()) parts.push(`"expiresInSeconds":${Number(fields.expiresInSeconds.value)}`);
    return `{${parts.join(",")}}`;
  }

  function recipient() {
    switch (fields.target.value) {
      case "everyone":
        return { everyone: true };
      case "admins":
        return { role: "admin" };
      case "room":
        return { room: fields.room.value };
    }
    const users = fields.users.value.split(/[\s,]+/).filter(Boolean);
    if (!users.length) throw new Error(words.nameAUser);
    return users.length === 1 ? { user: users[0] } : { users };
  }

  function faultOf(data) {
    if (!data) return null;
    try {
      JSON.parse(data);
      return null;
    } catch (error) {
      // The browser's message is in English; only the position in it is used.
      const at = /position (\d+)/.exec(error.message)?.[1];
      return at ? filled(words.jsonBadAt, Number(at) + 1) : words.jsonBad;
    }
  }

  async function send() {
    const key = fields.idempotencyKey.value;
    if (underWay.has(key)) return;
    underWay.add(key);
    try {
      // Reports errors in the form before anything is sent.
      body();
      if (fields.target.value === "everyone" && fields.confirm.value.trim() !== words.confirmWord) {
        fields.confirm.focus();
        throw new Error(words.confirmWanted);
      }
      const answer = await answerTo("/admin/publish", "publish-result");
      const note = answer.querySelector(".notice");
      const published = note.classList.contains("good");
      say(published ? "good" : "bad", note.textContent, ...(published ? [againButton()] : []));
      if (!published) return;
      fields.confirm.value = "";
      recent?.look();
    } catch (error) {
      say("bad", error.message);
    } finally {
      underWay.delete(key);
    }
  }

  /** Returns a button that publishes the same alarm once more, under a new key. */
  function againButton() {
    const again = document.createElement("button");
    again.type = "button";
    again.className = "link";
    again.textContent = words.again;
    again.addEventListener("click", () => {
      fields.idempotencyKey.value = newKey();
      form.requestSubmit();
    });
    return again;
  }

  function say(kind, sentence, ...more) {
    const note = document.createElement("p");
    note.className = `notice ${kind}`;
    note.append(sentence, " ", ...more);
    result.replaceChildren(note);
  }

  function checkData() {
    const data = fields.data.value.trim();
    const fault = faultOf(data);
    fields.data.setAttribute("aria-invalid", String(Boolean(fault)));
    check.className = fault ? "bad" : "";
    check.textContent = fault ?? (data ? words.jsonGood : "");
  }

  /** Shows the audience of the form. If several answers are under way, only the last one counts. */
  async function preview() {
    const mine = (asked += 1);
    // A form without a recipient is incomplete, not wrong.
    const named = fields.target.value !== "user" || fields.users.value.trim();
    const lines = named ? await answerTo("/admin/audience", "audience").then((part) => [...part.childNodes], fault) : [];
    if (mine === asked) audience.replaceChildren(...lines);
  }

  function fault(error) {
    const line = document.createElement("p");
    line.className = "bad";
    line.textContent = error.message;
    return [line];
  }

  form.addEventListener("submit", (event) => {
    if (event.submitter?.hasAttribute("formaction")) return;
    event.preventDefault();
    send();
  });

  // The key belongs to the content of the form, not to the click. A second click of a double click is answered with the
  // result of the first one; only a change of the form publishes another alarm.
  form.addEventListener("input", (event) => {
    const { name } = /** @type {HTMLInputElement} */ (event.target);
    if (name !== "confirm") fields.idempotencyKey.value = newKey();
    if (event.target === fields.data) checkData();
    if (["target", "users", "room"].includes(name)) {
      clearTimeout(timer);
      timer = setTimeout(preview, PREVIEW_AFTER_MS);
    }
  });

  copy.hidden = false;
  document.getElementById("preview").hidden = true;
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(curl(body(), fields.idempotencyKey.value));
      copy.textContent = words.copied;
      setTimeout(() => (copy.textContent = words.copy), 2_000);
    } catch (error) {
      say("bad", error.message);
    }
  });
  checkData();
  preview();
}

/** Returns the request as a shell command; the user of the command fills in the token. */
function curl(body, key) {
  return [
    `curl -X POST ${quoted(`${location.origin}/api/alarms`)}`,
    `-H "Authorization: Bearer $CAMPANILE_TOKEN"`,
    `-H 'Content-Type: application/json'`,
    `-H ${quoted(`Idempotency-Key: ${key}`)}`,
    `-d ${quoted(body)}`,
  ].join(" \\\n  ");
}

/** Quotes one word for a shell: between single quotes every character but the single quote is literal. */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Returns a random key. `crypto.randomUUID` exists on secure pages only. */
function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// --- recent alarms ----------------------------------------------------------------------------------------------------

let recent = null;

/** The list of recent alarms. It is filtered while typing, and not updated while it is paused. */
class Recent {
  constructor() {
    this.filter = /** @type {HTMLInputElement} */ (document.getElementById("q"));
    this.pause = document.getElementById("pause");
    this.paused = false;
    this.pause.hidden = false;
    this.pause.addEventListener("click", () => this.turn());
    this.filter.addEventListener("input", () => this.show());
    const row = document.getElementById("recent-filter");
    /** @type {HTMLElement} */ (row.querySelector("[type=submit]")).hidden = true;
    row.addEventListener("submit", (event) => {
      event.preventDefault();
      this.show();
    });
    this.show();
  }

  turn() {
    this.paused = !this.paused;
    this.pause.setAttribute("aria-pressed", String(this.paused));
    this.pause.textContent = this.paused ? words.resume : words.pause;
    if (!this.paused) this.look();
  }

  /** Reads the list again: one request at a time, and one more if alarms arrived in the meantime. */
  async look() {
    if (this.paused || document.visibilityState !== "visible") return;
    if (this.looking) {
      this.again = true;
      return;
    }
    this.looking = true;
    const old = document.getElementById("recent-list");
    const { scrollTop } = old;
    const focused = document.activeElement === old;
    await refresh(["recent-list"], "/admin/recent").catch(() => {});
    this.looking = false;
    this.show();
    const list = document.getElementById("recent-list");
    list.scrollTop = scrollTop;
    if (focused) list.focus({ preventScroll: true });
    if (this.again) {
      this.again = false;
      this.look();
    }
  }

  show() {
    const word = this.filter.value.trim().toLowerCase();
    const list = document.getElementById("recent-list");
    let shown = 0;
    for (const row of list.querySelectorAll("li")) {
      row.hidden = !row.dataset.holds.toLowerCase().includes(word);
      if (!row.hidden) shown += 1;
    }
    list.querySelector(".no-match")?.remove();
    if (shown === 0 && list.querySelector("li")) {
      const none = document.createElement("p");
      none.className = "empty small no-match";
      none.textContent = words.noMatch;
      list.append(none);
    }
  }
}

// --- figures ----------------------------------------------------------------------------------------------------------

const FORMATS = {
  commitMilliseconds: (value) => `${value.toFixed(1)} ms`,
};
/** The figures whose chart shows another figure. */
const CHARTS = { slowDrops: "slowDropsPerSecond", replayed: "replayedPerSecond" };

/** The tiles. They have a stream of their own, which is open only while the page is visible. */
class Figures {
  constructor(tiles) {
    this.tiles = [...tiles.querySelectorAll("[data-figure]")];
    this.state = document.getElementById("figures-state");
    this.samples = [];
    document.addEventListener("visibilitychange", () => this.turn());
    this.turn();
  }

  turn() {
    clearTimeout(this.timer);
    this.stream?.close();
    this.stream = null;
    if (document.visibilityState === "visible") this.open();
  }

  open() {
    const stream = new EventSource("/api/admin/figures");
    this.stream = stream;
    stream.addEventListener("history", (event) => this.show(JSON.parse(event.data)));
    stream.addEventListener("figures", (event) => this.show([...this.samples, JSON.parse(event.data)]));
    // After any end the page reconnects itself, because the browser does not reconnect after most of them.
    stream.addEventListener("bye", () => this.lost());
    stream.addEventListener("error", () => this.lost());
  }

  lost() {
    this.stream?.close();
    this.stream = null;
    this.state.textContent = words.noFigures;
    clearTimeout(this.timer);
    // The delay is random, so that many pages do not reconnect together. If the session has ended, the page leads to
    // the sign-in.
    this.timer = setTimeout(() => refresh(["tile-accounts"]).catch(() => {}).then(() => this.turn()), 2_000 + Math.random() * 3_000);
  }

  show(samples) {
    const stored = this.samples.at(-1);
    this.samples = samples.slice(-SECONDS);
    const newest = this.samples.at(-1);
    if (!newest) return;
    this.state.textContent = "";
    for (const tile of this.tiles) this.draw(tile, newest);
    if (stored && newest.alarmsPerSecond > 0) recent?.look();
  }

  draw(tile, newest) {
    const { figure } = tile.dataset;
    const line = tile.querySelector("polyline");
    if (!line) return;
    const value = newest[figure];
    if (value !== null && value !== undefined) tile.querySelector(".tile-value").textContent = (FORMATS[figure] ?? number.format)(value);
    const values = this.samples.map((sample) => sample[CHARTS[figure] ?? figure] ?? 0);
    const most = Math.max(1, ...values);
    const first = SECONDS - values.length;
    line.setAttribute("points", values.map((one, second) => `${first + second},${(19 - (18 * one) / most).toFixed(1)}`).join(" "));
  }
}

// --- start ------------------------------------------------------------------------------------------------------------

const person = document.getElementById("person");
const tiles = document.getElementById("tiles");
const parts = person ? ["person", "done"] : ["hubs", "connections", "tile-accounts"];

if (form) publishing();
if (document.getElementById("recent-filter")) recent = new Recent();
if (tiles) new Figures(tiles);

document.addEventListener("submit", (event) => {
  const sent = /** @type {HTMLFormElement} */ (event.target);
  if (!sent.closest("#connections, #person")) return;
  event.preventDefault();
  submit(sent, parts);
});

setInterval(() => document.visibilityState === "visible" && refresh(parts).catch(() => {}), REFRESH_EVERY_MS);
