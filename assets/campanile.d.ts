// The types of what is built into campanile.js.
export * from "../web/campanile/main.js";
