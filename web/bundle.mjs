// One module out of several: bundled, with short names for what nobody outside sees.

import { readdir, readFile } from "node:fs/promises";
import { build, transform } from "esbuild";
import { minify } from "terser";
import { WORDS } from "./campanile/words.js";

const FOLDER = new URL("campanile/", import.meta.url);

// `light-dark()` and nested rules: what they need, the whole module needs.
const TARGETS = ["chrome123", "edge123", "firefox125", "safari17.5"];

const minifiedSheets = {
  name: "minified sheets",
  /** @param {import("esbuild").PluginBuild} esbuild */
  setup(esbuild) {
    esbuild.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const sheet = await transform(await readFile(path, "utf8"), { loader: "css", minify: true, target: TARGETS });
      // The values of custom properties are left as they were written.
      return { contents: sheet.code.trim().replaceAll(/(?<=[:,]) /g, ""), loader: "text" };
    });
  },
};

// Names that only the module's own parts use. No page, no other tab and no hub sees these: they get short names.
const INSIDE = [
  "alarmed", "arrived", "ask", "attempt", "backoff", "beat", "byCookie", "change", "changes", "dispose", "everyHeartbeat",
  "fail", "failed", "fed", "follow", "forget", "gone", "hadTrouble", "hear", "heard", "heardAt", "hold", "hush", "identity",
  "isOf", "isOver", "later", "lead", "leading", "lifeMs", "meet", "meetSenders", "met", "missedUpTo", "outlive", "publish",
  "publishStatus", "put", "refresh", "render", "renewable", "said", "serve", "send", "session", "shown", "take", "tally",
  "stop", "tell", "tellsTypes", "ticked", "wantFrom", "woke",
];

/** The names of words that mean nothing but a word anywhere in the sources: nobody outside sees them. */
async function namesOfWords() {
  const files = (await readdir(FOLDER)).filter((name) => name.endsWith(".js") && name !== "words.js");
  const texts = await Promise.all(files.map((name) => readFile(new URL(name, FOLDER), "utf8")));
  const text = texts.join("\n").replaceAll(/words\.\w+/g, "");
  return Object.keys(WORDS.en ?? {}).filter((name) => !new RegExp(`\\b${name}\\b`).test(text));
}

// The npm package comes from no hub.
export const atHome = {
  name: "at home",
  /** @param {import("esbuild").PluginBuild} esbuild */
  setup(esbuild) {
    esbuild.onLoad({ filter: /\/home\.js$/ }, () => ({ contents: 'export const HOME = "/";' }));
  },
};

/**
 * @param {URL} entry
 * @param {import("esbuild").BuildOptions} [more]
 */
export async function bundle(entry, { plugins = [], ...more } = {}) {
  const { outputFiles } = await build({
    entryPoints: [entry.pathname],
    bundle: true,
    write: false,
    format: "esm",
    minify: true,
    charset: "utf8",
    target: TARGETS,
    plugins: [minifiedSheets, ...plugins],
    mangleProps: new RegExp(`^(${[...INSIDE, ...(await namesOfWords())].join("|")})$`),
    ...more,
  });
  // A second minifier, because its names compress better: three per cent.
  const compress = { passes: 3, lhs_constants: false, sequences: false, if_return: false };
  const { code } = await minify(outputFiles?.[0]?.text ?? "", { module: true, ecma: 2022, compress });
  return `${code}\n`;
}
