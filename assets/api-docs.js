// /api/docs: Swagger UI over the hub's own document. Requests that are tried go to this hub alone; those of a signed-in person carry
// the session's cookie, as a page of the hub does.

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
follow();
dark.addEventListener("change", follow);

// A path in the list is no link of its own: it lies in the button that opens its operation, and two controls in one cannot be told apart.
const noLinkInTheButton = () => ({
  wrapComponents: {
    DeepLink: (/** @type {any} */ Link, /** @type {any} */ { React }) => (/** @type {any} */ given) =>
      React.createElement(Link, { ...given, enabled: false }),
  },
});

/** What the viewer does not tell a screen reader: the selector of an element, and the attributes it gets. `null` takes one away.
 * @type {[string, Record<string, string | null>][]} */
const told = [
  // The heading of the page is above it.
  [".info .title", { "aria-level": "2" }],
  [".information-container", { role: "region", "aria-label": "About" }],
  [".modal-ux", { role: "dialog", "aria-modal": "true", "aria-label": "Available authorizations" }],
  [".close-modal", { "aria-label": "Close" }],
  // Their own words are enough, and somebody who speaks to the page says those.
  [".modal-btn", { "aria-label": null }],
  ["textarea.body-param__text", { "aria-label": "Request body" }],
  ["table.responses-table", { role: null }],
];

const tell = () => {
  for (const [selector, attributes] of told) {
    for (const element of viewer.querySelectorAll(selector)) {
      for (const [name, value] of Object.entries(attributes)) {
        if (value === null) element.removeAttribute(name);
        else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
      }
    }
  }
};

const viewer = /** @type {HTMLElement} */ (document.querySelector("#viewer"));
new MutationObserver(tell).observe(viewer, { childList: true, subtree: true });

/** @type {any} */ (window).SwaggerUIBundle({
  url: "/api/openapi.json",
  domNode: viewer,
  deepLinking: true,
  plugins: [noLinkInTheButton],
  // The default sends the document to a server of the viewer's authors.
  validatorUrl: null,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tagsSorter: "alpha",
});
