// Clients of one library: `node client.mjs KIND URL TOKENS…`. Each further argument is one client, its tokens separated by commas: the
// next one is taken when the hub no longer accepts the one before. Each event is a line of JSON on standard output.
import { kinds } from './kinds.mjs';

const [kind, url, ...all] = process.argv.slice(2);

/** One client as an application has it: its position, its token, and when it gives up. */
class Client {
  constructor(number, tokens) {
    this.number = number;
    this.tokens = tokens;
    this.cursor = null;
  }

  tell(event, more = {}) {
    process.stdout.write(`${JSON.stringify({ client: this.number, event, ...more })}\n`);
  }

  get token() {
    return this.tokens[0];
  }

  get headers() {
    return { authorization: `Bearer ${this.token}` };
  }

  /** The address, with the position once there is one. */
  get url() {
    return this.cursor ? `${url}?cursor=${this.cursor}` : url;
  }

  /** The address with the token, for a library that cannot send a header. */
  get urlWithToken() {
    const query = new URLSearchParams({ token: this.token, ...(this.cursor && { cursor: this.cursor }) });
    return `${url}?${query}`;
  }

  open() {
    this.close?.();
    this.close = kinds[kind](this);
  }

  openLater() {
    this.close?.();
    this.close = undefined;
    setTimeout(() => this.open(), 300 + 700 * Math.random());
  }

  heard(name, id, data) {
    // An empty log has the position 0.
    if (id !== null && id !== '') this.cursor = String(id);
    const body = JSON.parse(data);
    this.tell(name, { id: Number(id), reason: body.reason });
    if (name === 'bye' && body.reason === 'expired') this.renew();
  }

  /** The hub answered with an error; a status of 0 is an answer whose status the library does not tell. */
  async refused(status) {
    this.close?.();
    this.close = undefined;
    const found = status || (await this.ask());
    if (found !== 401) this.openLater();
    else if (this.tokens.length > 1) this.renew();
    else this.tell('refused', { status: found });
  }

  renew() {
    if (this.tokens.length < 2) return;
    this.tokens.shift();
    this.tell('renewed');
    this.openLater();
  }

  /** The status that a stream would have: HEAD answers it and subscribes nothing. */
  async ask() {
    try {
      return (await fetch(url, { method: 'HEAD', headers: this.headers })).status;
    } catch {
      return 0;
    }
  }
}

all.forEach((tokens, number) => new Client(number, tokens.split(',')).open());
// A library's own timer may be one that keeps no process alive.
setInterval(() => {}, 60_000);
