// `connect()`: one client of the hub. All clients of one user in one browser, in whatever tab, share one connection.

import { HOME } from "./home.js";
import { Stream } from "./stream.js";

/** @import { Client, ConnectOptions } from "./wire.d.ts" */

/**
 * Follows the hub.
 * @param {ConnectOptions} options
 * @returns {Client}
 */
export function connect(options = {}) {
  return new Stream(new URL(options.hub || HOME, location.href).origin, options).client();
}
