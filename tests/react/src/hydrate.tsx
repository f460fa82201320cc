// The same application, rendered by a server first.
import { StrictMode } from "react";
import { hydrateRoot } from "react-dom/client";
import App from "./App";

hydrateRoot(document.getElementById("root")!, <StrictMode><App /></StrictMode>);
