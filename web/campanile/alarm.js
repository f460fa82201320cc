// The words for an alarm. `pages::view` uses the same words on the server.

/** @import { Alarm } from "./wire.d.ts" */

/**
 * NEW_COMMENT_ON_POST becomes "New comment on post".
 * @param {string} alarmType
 */
export function typeInWords(alarmType) {
  const words = alarmType.replaceAll("_", " ").trim().toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/**
 * The one line that says what an alarm is about.
 * @param {Pick<Alarm, "data">} alarm
 * @returns {string}
 */
export function summaryOf({ data }) {
  if (typeof data === "string") return data;
  if (data === null || data === undefined) return "";
  if (typeof data !== "object") return String(data);
  for (const name of ["title", "text", "message", "body"]) {
    if (typeof data[name] === "string" && data[name]) return data[name];
  }
  return Object.keys(data).length ? JSON.stringify(data) : "";
}

/**
 * A text with the values of an alarm in the place of `{fromName}`, `{targetId}` and `{data.title}`; null if one has no value.
 * @param {string} text
 * @param {Record<string, any>} values
 */
export function filled(text, values) {
  let whole = true;
  const told = text.replace(/{(.*?)}/g, (_, /** @type {string} */ path) => {
    const value = path.split(".").reduce((/** @type {any} */ inner, name) => inner?.[name], values);
    if (typeof value === "number" || (value && typeof value === "string")) return String(value);
    whole = false;
    return "";
  });
  return whole ? told : null;
}

/**
 * A link is followed only if it cannot run anything.
 * @param {unknown} url
 * @returns {string | null}
 */
export function safeUrl(url) {
  if (typeof url !== "string") return null;
  if (/^\/(?![/\\])/.test(url)) return url;
  return /^https?:\/\//i.test(url) ? url : null;
}
