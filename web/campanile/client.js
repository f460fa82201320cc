// `connect()`: what a page asks for, joined to the stream that its browser already has, or a new one.

import { HOME } from "./request.js";
import { Stream } from "./stream.js";

/** @import { Client, ConnectOptions } from "./wire.d.ts" */

/** @type {Stream[]} */
const streams = [];

/**
 * Follows the hub. All clients of one user in one browser, in whatever tab, share one stream.
 * @param {ConnectOptions} options
 * @returns {Client}
 */
export function connect(options = {}) {
  const hub = new URL(options.hub || HOME, location.href).origin;
  const user = options.user || null;
  const token = options.token || null;
  let stream = streams.find((one) => one.hub === hub && one.user === user && one.token === token);
  if (!stream) streams.push((stream = new Stream(hub, user, token)));
  return stream.join(options);
}
