// The style of all elements: a constructed sheet needs no second request, and a strict style-src allows it.

import SHEET from "./sheet.css";

let adopted = false;

export function adoptSheet() {
  if (adopted) return;
  adopted = true;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(SHEET);
  document.adoptedStyleSheets.push(sheet);
}
