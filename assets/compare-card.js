// The card of one transport on /compare: its state, its figures, and the button that cuts it.

import { element } from "./campanile.js";
import { TRANSPORTS, WORDS, number, ratio, time } from "./compare-words.js";

const NO_CONNECTION_AFTER_MS = 4_000;

export class Card {
  constructor(transport, cut) {
    this.transport = transport;
    this.dot = element("span.state", {});
    this.p50 = element("b", {}, number(null));
    this.p99 = element("b", {}, number(null));
    this.values = new Map();
    this.button = /** @type {HTMLButtonElement} */ (element("button.quiet.small", { type: "button", "aria-label": WORDS.cutLabel(TRANSPORTS[transport.name]), click: cut }, WORDS.cut));
    this.result = element("p.cut-result", {});
    this.root = element(
      "article.card.transport",
      { "data-transport": transport.name },
      element("header", {}, element("h3", {}, TRANSPORTS[transport.name]), this.dot),
      element(
        "div.times",
        {},
        element("p.quick", {}, this.p50, element("span", {}, WORDS.half)),
        element("p.slow", {}, this.p99, element("span", {}, WORDS.most)),
      ),
      element("dl", {}, this.figure("received", WORDS.received), this.figure("requests", WORDS.requests), this.figure("bytes", WORDS.bytes), this.figure("held", WORDS.held)),
      element("div.cut", {}, this.button, this.result),
    );
    this.state();
  }

  figure(name, words) {
    const value = element("dd", { "data-figure": name }, number(null));
    this.values.set(name, value);
    return element("div", {}, element("dt", {}, words), value);
  }

  /** Shows the figures. `published` is the number of alarms to deliver; null before the first run. */
  show(figures, published) {
    this.p50.textContent = time(figures.p50);
    this.p99.textContent = time(figures.p99);
    this.say("received", published === null ? number(null) : WORDS.receivedOf(figures.received, published));
    this.say("requests", ratio(figures.requestsPerAlarm));
    this.say("bytes", number(figures.bytesPerAlarm));
    this.say("held", ratio(published === null ? null : figures.held));
    this.state();
  }

  say(name, text) {
    const value = this.values.get(name);
    if (value.textContent !== text) value.textContent = text;
  }

  state() {
    const { transport } = this;
    this.root.dataset.state = transport.state;
    this.dot.textContent = WORDS.states[transport.state];
    this.button.disabled = transport.state !== "live" || transport.cutting;
    const text = this.cutText();
    if (this.result.textContent !== text) this.result.textContent = text;
  }

  cutText() {
    const { transport } = this;
    if (transport.state === "ended") return WORDS.ended(transport.why);
    if (transport.state === "connecting" && performance.now() - transport.since > NO_CONNECTION_AFTER_MS) return WORDS.noConnection;
    if (transport.refusal) return WORDS.cutFailed(transport.refusal);
    const last = transport.cuts.at(-1);
    if (!last) return "";
    if (last.over) return WORDS.cutOver(last);
    if (last.backAt !== null) return WORDS.cutCatching;
    return last.lostAt === null ? WORDS.cutting : WORDS.cutAway;
  }
}
