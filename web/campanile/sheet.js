// How it all looks: a constructed sheet needs no second request, and a strict style-src lets it through.

import SHEET from "./sheet.css";

let adopted = false;

export function adoptSheet() {
  if (adopted) return;
  adopted = true;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(SHEET);
  document.adoptedStyleSheets.push(sheet);
}
