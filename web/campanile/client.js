// `connect()`: what a page asks for, joined to the stream that its browser already has, or a new one.

import { Stream } from "./stream.js";
import { HOME } from "./request.js";

/** @import { Client, ConnectOptions, Token } from "./wire.d.ts" */

/** @type {Map<string, Stream>} */
const streams = new Map();

/**
 * Follows the hub. All clients of one user in one browser, in whatever tab, share one stream.
 * @param {ConnectOptions} options
 * @returns {Client}
 */
export function connect(options = {}) {
  const hub = new URL(options.hub || HOME, location.href).origin;
  const user = options.user || subjectOf(options.token);
  // Without a name for the user, tabs signed in as different people could hear each other.
  const key = user ? `campanile ${hub} ${user}` : null;
  let stream = key ? streams.get(key) : null;
  if (!stream) {
    stream = new Stream(hub, key, options.token);
    if (key) streams.set(key, stream);
  }
  return stream.join(options);
}

/** @param {Token} token */
function subjectOf(token) {
  if (typeof token !== "string") return null;
  const claims = token.split(".")[1];
  if (!claims) return null;
  try {
    const bytes = Uint8Array.from(atob(claims.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)).sub ?? null;
  } catch {
    return null;
  }
}
