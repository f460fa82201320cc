// The lanes of /compare: one for the published alarms and one for each transport, over one axis of time and one of
// latency.

import { element } from "./campanile.js";
import { Histogram, Timeline, svg } from "./compare-charts.js";
import { TRANSPORTS, WORDS } from "./compare-words.js";
import { percentile } from "./compare-transport.js";

export class Lanes {
  constructor(root) {
    this.root = root;
    this.note = element("span.lane-note", {});
    this.pictures = new Map();
    this.add("published", WORDS.published, this.note);
    for (const [name, label] of Object.entries(TRANSPORTS)) this.add(name, label, null);
    root.append(element("div.lane.axes", { "aria-hidden": "true" }, element("p.lane-name", {}), axis("axis", WORDS.timeAxis, 25), axis("axis latency", WORDS.latencyAxis, 0)));
    this.timeline = new Timeline([...this.pictures].map(([name, { dots }]) => [name, dots]));
  }

  add(name, label, note) {
    const dots = svg("svg", { class: "lane-time", role: "img" });
    const bars = svg("svg", { class: "lane-latency", role: "img" });
    this.root.append(element("div.lane", { "data-transport": name }, element("p.lane-name", {}, label, note), dots, bars));
    this.pictures.set(name, { label, dots, bars, histogram: new Histogram(bars) });
  }

  /** Shows the latencies of a lane, and describes its two charts as text. */
  show(name, figures) {
    const { label, dots, bars, histogram } = this.pictures.get(name);
    histogram.show(figures);
    dots.setAttribute("aria-label", WORDS.lane(label, figures.sorted.length));
    bars.setAttribute("aria-label", WORDS.histogram(label, figures.p50, figures.p99));
  }

  /** Shows the durations of the publish requests. */
  showPublished(times) {
    const sorted = [...times].sort((a, b) => a - b);
    const p50 = percentile(sorted, 0.5);
    this.show("published", { sorted, p50, p99: percentile(sorted, 0.99) });
    this.note.textContent = p50 === null ? "" : WORDS.publishedTime(p50);
  }
}

/** Places labels at even distances, from `first` per cent to the right end. */
function axis(classes, labels, first) {
  const step = (100 - first) / (labels.length - 1);
  const anchor = (at) => {
    if (at === labels.length - 1) return "end";
    return at === 0 && first === 0 ? "start" : "middle";
  };
  return svg("svg", { class: classes }, ...labels.map((label, at) => svg("text", { x: `${first + at * step}%`, y: 15, "text-anchor": anchor(at) }, label)));
}
