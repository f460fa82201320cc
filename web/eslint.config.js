import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["**/node_modules/", "assets/campanile.js", "web/dist/", "tests/", "**/*.d.ts"] },
  js.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "array-callback-return": "error",
      curly: ["error", "multi-line"],
      eqeqeq: "error",
      "no-alert": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-param-reassign": "error",
      "no-restricted-properties": [
        "error",
        { property: "innerHTML", message: "Text is only ever text: use element() or textContent." },
        { property: "outerHTML", message: "Text is only ever text: use element() or textContent." },
        { property: "insertAdjacentHTML", message: "Text is only ever text: use element() or textContent." },
      ],
      "no-self-compare": "error",
      "no-throw-literal": "error",
      "no-unused-vars": ["error", { args: "all", argsIgnorePattern: "^_", destructuredArrayIgnorePattern: "^_" }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
      "require-atomic-updates": "off",
      "max-lines": ["error", { max: 500, skipComments: true }],
    },
  },
  { files: ["web/campanile/**"], rules: { "no-shadow": "error", "max-lines": ["error", 400] } },
  { files: ["assets/**", "web/campanile/**", "web/package/**"], languageOptions: { globals: globals.browser } },
  { files: ["web/*.js", "web/*.mjs"], languageOptions: { globals: globals.node } },
];
