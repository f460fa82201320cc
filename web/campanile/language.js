// The language of a page: the one that its markup names, or else the one that its reader's browser prefers.

/**
 * The language of an element as a locale for times: the reader's own variety of it, where the browser names one.
 * @param {Element} [node]
 * @returns {string}
 */
export function localeOf(node = document.documentElement) {
  const marked = node.closest("[lang]")?.getAttribute("lang");
  const own = navigator.language || "en";
  return !marked || base(marked) === base(own) ? own : marked;
}

/**
 * The table for the language of an element, whatever its region; English for a language that has none.
 * @template Table
 * @param {Record<string, Table>} tables
 * @param {Element} [node]
 * @returns {Table}
 */
export function wordsOf(tables, node) {
  const locale = localeOf(node);
  const near = Object.keys(tables).find((tag) => base(tag) === base(locale)) ?? "en";
  return /** @type {Table} */ (tables[locale] ?? tables[near]);
}

/** @param {string} locale */
function base(locale) {
  return locale.toLowerCase().split("-")[0] ?? "";
}
