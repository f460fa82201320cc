// The user of the requests: named by the token that the page gives, or by the hub's cookie, and never by one in place of
// the other. The hub says who the user is.

import { parse, RequestError, send, tokenOf } from "./request.js";

/** @import { ConnectOptions, Token } from "./wire.d.ts" */

// A token that was just used for the first contact is good for the attempt that follows it.
const FRESH_MS = 5_000;

export class Identity {
  /** @type {string | null} the user, as the hub names them */
  userId = null;
  /** @type {string | null} the hub's name for this session */
  session = null;
  /** The remaining life of the token when the hub last answered. */
  lifeMs = Infinity;
  /** @type {Token} */
  #token;
  /** @type {string | undefined} */
  #current;
  #freshUntil = 0;
  /** @type {Promise<string> | null} */
  #asking = null;

  /**
   * @param {string} hub
   * @param {ConnectOptions} options
   */
  constructor(hub, options) {
    this.hub = hub;
    // One that is given as null or undefined was given: nobody is signed in.
    this.byCookie = !("token" in options);
    this.renewable = typeof options.token === "function";
    this.#token = options.token;
    // Only a page the hub's cookie was for has been made for somebody.
    if (this.byCookie) this.userId = options.user || null;
  }

  /** Asks the hub who this is. */
  async meet() {
    const answer = await this.send(await this.attempt(), "GET", "/api/stream");
    this.isOf(parse(await answer.text())?.userId);
    this.#freshUntil = Date.now() + FRESH_MS;
  }

  /**
   * The user the hub says this is. It stays the same one.
   * @param {string | undefined} userId undefined: a hub that does not say so yet
   */
  isOf(userId) {
    if (userId === undefined) return;
    if (this.userId && this.userId !== userId) throw new RequestError(412, { code: "other_user", detail: `${userId}, not ${this.userId}` });
    this.userId = userId;
  }

  /** The token of an attempt to connect: the page is asked once for each. */
  async attempt() {
    if (this.byCookie) return undefined;
    const fresh = Date.now() < this.#freshUntil;
    this.#freshUntil = 0;
    return fresh ? this.#current : this.#renew();
  }

  #renew() {
    this.#asking ??= tokenOf(this.#token)
      .then((token) => (this.#current = token))
      .finally(() => (this.#asking = null));
    return this.#asking;
  }

  /**
   * Asks for what the page needs beside its stream.
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @returns {Promise<any>}
   */
  async request(method, path, body) {
    const token = this.byCookie ? undefined : (this.#current ?? (await this.#renew()));
    const answer = await this.send(token, method, path, body).catch(async (error) => {
      if (!this.renewable || error.code !== "invalid_token") throw error;
      return this.send(await this.#renew(), method, path, body);
    });
    return parse(await answer.text());
  }

  /**
   * @param {string | undefined} token
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @param {string} [accept]
   * @param {AbortSignal} [signal]
   */
  async send(token, method, path, body, accept, signal) {
    // The hub answers nobody else: the cookie may be another person's by now.
    const headers = { ...(this.userId && { "campanile-user": encodeURIComponent(this.userId) }), ...(accept && { accept }) };
    const answer = await send(this.hub, token, method, path, body, headers, signal);
    const left = answer.headers.get("campanile-expires-in");
    // Streams and polls say it, in whole seconds.
    if (left) {
      this.lifeMs = (Number(left) - 1) * 1_000;
      this.session = answer.headers.get("campanile-session");
    }
    return answer;
  }

  /**
   * Returns true if a new connection will not help.
   * @param {any} error or its cause
   */
  isOver({ code }) {
    if (code === "invalid_token") return !this.renewable;
    if (code === "unknown_user") return this.byCookie;
    return ["account_disabled", "logout", "other_user", "unauthorized"].includes(code);
  }

  /** Forgets all of it. */
  end() {
    this.#token = this.#current = undefined;
    this.userId = null;
  }
}
