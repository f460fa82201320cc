// The headless client: what `import … from "campanile"` gives.

export { connect } from "../campanile/client.js";
export { createCampanile } from "../campanile/campanile.js";
export { RequestError } from "../campanile/request.js";
