import type { Alarm, Client, Token } from "./wire.js";

/** The bell with its badge, panel and toasts. Importing this module makes `<campanile-bell>` known. */
export class CampanileBell extends HTMLElement {
  token: Token;
  describe?: (alarm: Alarm) => { what?: string; summary?: string; url?: string | null } | null | undefined;
  readonly client: Client | null;
}
