// Making elements: text is only ever text.

/** @typedef {Node | string | null | undefined} Child */

/**
 * `element("p.note", {title: "…"}, "text", child)`. A function is a listener, `true` an empty attribute, and what is
 * false, null or undefined is left out.
 * @param {string} selector
 * @param {Record<string, any>} attributes
 * @param {Child[]} children
 * @returns {HTMLElement}
 */
export function element(selector, attributes = {}, ...children) {
  const [name, ...classes] = selector.split(".");
  const made = document.createElement(/** @type {string} */ (name));
  if (classes.length) made.className = classes.join(" ");
  // The name by which a page's `::part()` reaches it.
  const parts = selector.match(/(?<=\.cb-)[\w-]+/g);
  if (parts) made.setAttribute("part", parts.join(" "));
  for (const [attribute, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(attribute, value);
    else if (value === true) made.setAttribute(attribute, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(attribute, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/**
 * A button with a picture, whose label is only heard, or one with words.
 * @param {string} classes
 * @param {string | null} label
 * @param {() => void} click
 * @param {Child[]} children
 */
export function button(classes, label, click, ...children) {
  return element(`button.${classes}`, { type: "button", title: label || null, "aria-label": label, click }, ...children);
}

/** @param {string} path */
export function icon(path) {
  const svg = document.createElementNS(SVG, "svg");
  const line = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "cb-icon");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

const SVG = "http://www.w3.org/2000/svg";

export const BELL = "M6 9a6 6 0 0 1 12 0c0 5 2 6.5 2 7.5H4C4 15.5 6 14 6 9zM10 20a2.2 2.2 0 0 0 4 0";
export const CHECK = "M5 12.5l4.5 4.5L19 7.5";
export const DOT = "M12 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z";
export const CROSS = "M6.5 6.5l11 11M17.5 6.5l-11 11";
