// /api/docs: Swagger UI over the hub's own document. Requests that are tried go to this hub alone; those of a signed-in person carry
// the session's cookie, as a page of the hub does.

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
follow();
dark.addEventListener("change", follow);

/** @type {any} */ (window).SwaggerUIBundle({
  url: "/api/openapi.json",
  domNode: document.querySelector("#viewer"),
  deepLinking: true,
  // The default sends the document to a server of the viewer's authors.
  validatorUrl: null,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tagsSorter: "alpha",
});
