// The two charts of /compare, each with one axis for all transports: the times of arrival, and the latencies. They are
// drawn as SVG, so that the stylesheet sets the colours, including forced ones.

export const WINDOW_MS = 20_000;
const SECOND_MARKS = [15, 10, 5];
const DECADES = [1, 10, 100, 1_000, 10_000];
const BINS_A_DECADE = 10;
const BINS = (DECADES.length - 1) * BINS_A_DECADE;
const HEIGHT = 44;
const STILL_MS = 500;

const stillness = matchMedia("(prefers-reduced-motion: reduce)");

/** Creates an SVG element. */
export function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...children);
  return made;
}

/** The dots of each lane over the last twenty seconds; the right edge is now. All lanes move together. */
export class Timeline {
  constructor(elements) {
    this.lanes = new Map();
    for (const [name, element] of elements) {
      const moving = svg("g");
      const marks = svg("g", { class: "marks" });
      element.append(svg("rect", { class: "ground", x: 0, y: 0, width: "100%", height: "100%" }), marks, svg("svg", { width: "100%", height: HEIGHT }, moving));
      this.lanes.set(name, { element, moving, marks, shapes: [], holes: new Map() });
    }
    this.origin = performance.now();
    this.stopped = null;
    this.width = 0;
    const [first] = this.lanes.values();
    new ResizeObserver(() => this.resize(first.element.clientWidth || first.element.getBoundingClientRect().width)).observe(first.element);
  }

  resize(width) {
    if (!width || width === this.width) return;
    this.width = width;
    for (const { marks, shapes } of this.lanes.values()) {
      marks.replaceChildren(...SECOND_MARKS.map((second) => svg("line", { x1: width * (1 - (second * 1_000) / WINDOW_MS), x2: width * (1 - (second * 1_000) / WINDOW_MS), y1: 0, y2: HEIGHT })));
      for (const shape of shapes) this.place(shape);
    }
    this.move();
  }

  x(at) {
    return ((at - this.origin) / WINDOW_MS) * this.width;
  }

  place(shape) {
    if (shape.kind === "dot") return shape.node.setAttribute("cx", this.x(shape.at));
    const end = shape.end ?? this.stopped ?? performance.now();
    shape.node.setAttribute("x", this.x(shape.at));
    return shape.node.setAttribute("width", Math.max(2, this.x(end) - this.x(shape.at)));
  }

  add(lane, shape) {
    const { shapes, moving } = this.lanes.get(lane);
    shapes.push(shape);
    moving.append(shape.node);
    this.place(shape);
  }

  dot(lane, at) {
    this.add(lane, { kind: "dot", at, node: svg("circle", { cy: HEIGHT / 2, r: 4, class: "dot" }) });
  }

  /** Marks the transport as disconnected from `at` until `mend`. */
  tear(lane, at) {
    const { holes } = this.lanes.get(lane);
    if (holes.has("open")) return;
    const shape = { kind: "hole", at, end: null, node: svg("rect", { y: 6, height: HEIGHT - 12, rx: 3, class: "hole" }) };
    holes.set("open", shape);
    this.add(lane, shape);
  }

  mend(lane, at) {
    const { holes } = this.lanes.get(lane);
    const shape = holes.get("open");
    if (!shape) return;
    shape.end = at;
    holes.delete("open");
    this.place(shape);
  }

  run() {
    this.stopped = null;
    if (this.running) return;
    this.running = true;
    let last = 0;
    const frame = () => {
      if (this.stopped !== null) return void (this.running = false);
      const now = performance.now();
      if (!stillness.matches || now - last >= STILL_MS) {
        last = now;
        this.move();
      }
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  /** Stops the movement, with the last dots a little left of the edge. */
  stop() {
    this.stopped = performance.now() + STILL_MS;
    this.move();
  }

  move() {
    const now = this.stopped ?? performance.now();
    for (const { moving, shapes, holes } of this.lanes.values()) {
      moving.setAttribute("transform", `translate(${this.width - this.x(now)} 0)`);
      for (const hole of holes.values()) this.place(hole);
      while (shapes.length && (shapes[0].end ?? shapes[0].at) < now - WINDOW_MS - 1_000 && !(shapes[0].kind === "hole" && shapes[0].end === null)) {
        shapes.shift().node.remove();
      }
    }
  }
}

/** The latencies on a logarithmic axis from one millisecond to ten seconds, with p50 and p99 marked. */
export class Histogram {
  constructor(element) {
    this.bars = [...new Array(BINS).keys()].map((at) => svg("rect", { class: "bar", x: `${(at / BINS) * 100}%`, width: `${100 / BINS}%`, y: HEIGHT, height: 0 }));
    const marks = DECADES.slice(1, -1).map((decade) => svg("line", { x1: place(decade), x2: place(decade), y1: 0, y2: HEIGHT }));
    this.p50 = svg("line", { class: "p50", y1: 0, y2: HEIGHT, visibility: "hidden" });
    this.p99 = svg("line", { class: "p99", y1: 0, y2: HEIGHT, visibility: "hidden" });
    element.append(svg("rect", { class: "ground", x: 0, y: 0, width: "100%", height: "100%" }), svg("g", { class: "marks" }, ...marks), ...this.bars, this.p99, this.p50);
  }

  show({ sorted, p50, p99 }) {
    const counts = new Array(BINS).fill(0);
    for (const value of sorted) counts[bin(value)] += 1;
    const most = Math.max(...counts, 1);
    this.bars.forEach((bar, index) => {
      const height = counts[index] ? Math.max(3, (counts[index] / most) * (HEIGHT - 8)) : 0;
      bar.setAttribute("y", HEIGHT - height);
      bar.setAttribute("height", height);
    });
    mark(this.p50, p50);
    mark(this.p99, p99);
  }
}

function mark(line, value) {
  line.setAttribute("visibility", value === null ? "hidden" : "visible");
  if (value === null) return;
  line.setAttribute("x1", place(value));
  line.setAttribute("x2", place(value));
}

function share(milliseconds) {
  const decades = Math.log10(Math.max(1, Math.min(9_999, milliseconds)));
  return decades / (DECADES.length - 1);
}

function place(milliseconds) {
  return `${share(milliseconds) * 100}%`;
}

function bin(milliseconds) {
  return Math.min(BINS - 1, Math.floor(share(milliseconds) * BINS));
}
