// Asking the hub: one request, one answer.

/** @import { Cause, Token } from "./wire.d.ts" */

const REQUEST_DEADLINE_MS = 15_000;

/** An answer that is not a success: `status`, `code` and a sentence for the person. */
export class RequestError extends Error {
  /**
   * @param {number} status
   * @param {any} [problem]
   */
  constructor(status, problem) {
    super(problem?.detail ?? `The hub answered ${status}.`);
    this.status = status;
    /** @type {string | undefined} */
    this.code = problem?.code;
    /** @type {string[] | undefined} those that do not exist */
    this.rooms = problem?.rooms;
  }
}

/**
 * One JSON request to the hub. Rejects with a RequestError, or with the network's own error.
 * @param {string} hub
 * @param {Token} token undefined: the hub's cookie
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {Record<string, string>} [headers]
 * @returns {Promise<any>}
 */
export async function request(hub, token, method, path, body, headers) {
  const bearer = token === undefined ? undefined : await tokenOf(token);
  return parse(await (await send(hub, bearer, method, path, body, headers)).text());
}

/**
 * The answer to one request, which is a success. Where there is a token, the browser's cookie for the hub stays out of it.
 * @param {string} hub
 * @param {string | undefined} token
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {Record<string, string>} [headers]
 * @param {AbortSignal} [signal] the caller's own end, in place of the deadline
 */
export async function send(hub, token, method, path, body, headers, signal = AbortSignal.timeout(REQUEST_DEADLINE_MS)) {
  const answer = await fetch(new URL(path, hub), {
    method,
    credentials: token !== undefined ? "omit" : hub === location.origin ? "same-origin" : "include",
    keepalive: method !== "GET",
    signal,
    headers: {
      accept: "application/json",
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new RequestError(answer.status, parse(await answer.text()));
  return answer;
}

/**
 * Returns the current token of a page. Nothing means that nobody is signed in.
 * @param {Token} token
 * @returns {Promise<string>}
 */
export async function tokenOf(token) {
  let value;
  try {
    value = typeof token === "function" ? await token() : token;
  } catch (error) {
    throw new RequestError(401, { code: "invalid_token", detail: `token(): ${error}` });
  }
  const text = String(value ?? "").trim();
  if (!text) throw new RequestError(401, { code: "logout", detail: "no token" });
  // RFC 6750, section 2.1. An error page of the site is none.
  if (!/^[\w.~+/-]+=*$/.test(text)) throw new RequestError(401, { code: "invalid_token", detail: "bad token" });
  return text;
}

/**
 * Returns the cause of a failed attempt.
 * @param {unknown} error
 * @returns {Cause}
 */
export function causeOf(error) {
  const { code = "unreachable", message } = /** @type {RequestError} */ (error);
  return { code, detail: message };
}

/**
 * A browser does not tell a script why another site's answer is kept from it. A hub that answers what nobody reads is
 * there, and keeps out the page.
 * @param {string} hub
 */
export async function refuses(hub) {
  return hub !== location.origin && fetch(`${hub}/healthz`, { mode: "no-cors" }).then(() => true, () => false);
}

/** @param {string} text */
export function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An id for what has not reached the hub yet. Not `randomUUID`, which is missing on plain HTTP. */
export function newId() {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}
