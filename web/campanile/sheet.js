// The style of the bell: a constructed sheet needs no second request, and a strict style-src allows it.

import SHEET from "./sheet.css";

/** @type {CSSStyleSheet | undefined} */
let made;

export function sheet() {
  if (!made) (made = new CSSStyleSheet()).replaceSync(SHEET);
  return made;
}
