// Asking the hub: one JSON request, one answer.

/** @import { Token } from "./wire.d.ts" */

/** The hub this module came from. */
export const HOME = new URL(import.meta.url).origin;

const REQUEST_DEADLINE_MS = 15_000;

/** An answer that is not a success: `status`, `code` and a sentence for the person. */
export class RequestError extends Error {
  /**
   * @param {number} status
   * @param {any} problem
   */
  constructor(status, problem) {
    super(problem?.detail || problem?.title || `The hub answered ${status}.`);
    this.status = status;
    /** @type {string | undefined} */
    this.code = problem?.code;
  }
}

/**
 * One JSON request to the hub. Rejects with a RequestError, or with the network's own error.
 * @param {string} hub
 * @param {Token} token
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {Record<string, string>} [headers]
 * @param {AbortSignal} [signal] the caller's own end, in place of the deadline
 * @returns {Promise<any>}
 */
export async function request(hub, token, method, path, body, headers = {}, signal) {
  const bearer = await tokenOf(token);
  const answer = await fetch(new URL(path, hub), {
    method,
    credentials: credentialsFor(hub),
    keepalive: method !== "GET",
    signal: signal ?? AbortSignal.timeout(REQUEST_DEADLINE_MS),
    headers: {
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(bearer ? { authorization: `Bearer ${bearer}` } : {}),
      ...headers,
    },
    body: JSON.stringify(body),
  });
  const value = parse(await answer.text());
  if (!answer.ok) throw new RequestError(answer.status, value);
  return value;
}

/**
 * @param {string} hub
 * @returns {RequestCredentials}
 */
export function credentialsFor(hub) {
  return hub === location.origin ? "same-origin" : "include";
}

/**
 * @param {Token} token
 * @returns {Promise<string | null | undefined>}
 */
export async function tokenOf(token) {
  return typeof token === "function" ? token() : token;
}

/**
 * Tells apart whose requests these are: by the token, or else by what the hub says.
 * @param {string} hub
 * @param {Token} token
 * @returns {Promise<string>}
 */
export async function subjectOf(hub, token) {
  const claims = (await tokenOf(token))?.split(".")[1];
  // Not decoded to the last: a letter beyond ASCII comes out odd, but always the same.
  return claims ? JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/"))).sub : (await request(hub, token, "GET", "/api/auth/me")).id;
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
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
