// `<campanile-bell>`: importing this makes the element known. On a server it does nothing.

export { CampanileBell } from "../campanile/main.js";
