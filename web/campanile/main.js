// Campanile in a page: `connect()`, the client that keeps one live stream per browser, and `<campanile-bell>`, the bell
// with its badge, panel and toasts. Built by `npm run build` into assets/campanile.js, which the hub serves.
//
//   <script type="module" src="https://HUB/campanile.js"></script>
//   <campanile-bell></campanile-bell>

import { CampanileBell } from "./bell.js";

export { safeUrl, summaryOf, typeInWords } from "./alarm.js";
export { connect } from "./client.js";
export { element } from "./element.js";
export { localeOf, wordsOf } from "./language.js";
export { newId, request, RequestError } from "./request.js";
export { formatsOf, relativeTime } from "./times.js";
export { CampanileBell };

if (!customElements.get("campanile-bell")) customElements.define("campanile-bell", CampanileBell);
