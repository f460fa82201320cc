import type { Alarm, Client, Token } from "./wire.js";

/** What a page says about an alarm; what is left out stays as it is. */
export interface Description {
  what?: string;
  summary?: string;
  url?: string | null;
  who?: string | null;
  target?: string | null;
  /** A text, such as an emoji, or an element, which is copied. */
  icon?: string | Node | null;
}

/** The bell with its badge, panel and toasts. Importing this module makes `<campanile-bell>` known. */
export class CampanileBell extends HTMLElement {
  token: Token;
  describe?: (alarm: Alarm) => Description | null | undefined | false;
  /** For each language the words for each type of alarm. */
  types: Record<string, Record<string, string>>;
  readonly client: Client | null;
}
