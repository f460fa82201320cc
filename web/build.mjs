// Bundles web/campanile into assets/campanile.js, the one module that the hub serves. `--check` writes nothing and fails
// if the committed module is not what the sources give.

import { readdir, readFile, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";
import { minify } from "terser";
import { WORDS } from "./campanile/words.js";

const FOLDER = new URL("campanile/", import.meta.url);
const SOURCE = new URL("main.js", FOLDER);
const TARGET = new URL("../assets/campanile.js", import.meta.url);
// docs/guide/embedding.md promises it.
const MOST_BYTES = 14 * 1024;

const minifiedSheets = {
  name: "minified sheets",
  /** @param {import("esbuild").PluginBuild} esbuild */
  setup(esbuild) {
    esbuild.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const sheet = await transform(await readFile(path, "utf8"), { loader: "css", minify: true, target: TARGETS });
      // What custom properties hold is left as it was written.
      return { contents: sheet.code.trim().replaceAll(/(?<=[:,]) /g, ""), loader: "text" };
    });
  },
};

// `light-dark()` and nested rules: what they need, the whole module needs.
const TARGETS = ["chrome123", "edge123", "firefox124", "safari17.5"];

// What the module's parts call each other by. No page, no other tab and no hub sees these: they get short names.
const INSIDE = [
  "alarmed", "arrived", "ask", "attempt", "backoff", "beat", "byCookie", "dispose", "everyHeartbeat", "fail",
  "failed", "fed", "follow", "forget", "gone", "hadTrouble", "hear", "heard", "heardAt", "hush", "identity", "isOf",
  "isOver", "later", "lead", "leading", "lifeMs", "meet", "met", "missedUpTo", "outlive", "publish", "publishStatus",
  "reload", "renewable", "said", "serve", "send", "session", "shown", "take", "tally", "tell", "ticked", "wantFrom",
  "woke",
];

/** The names of words that mean nothing but a word anywhere in the sources: nobody outside sees them. */
async function namesOfWords() {
  const files = (await readdir(FOLDER)).filter((name) => name.endsWith(".js") && name !== "words.js");
  const texts = await Promise.all(files.map((name) => readFile(new URL(name, FOLDER), "utf8")));
  const text = texts.join("\n").replaceAll(/words\.\w+/g, "");
  return Object.keys(WORDS.en ?? {}).filter((name) => !new RegExp(`\\b${name}\\b`).test(text));
}

const { outputFiles } = await build({
  entryPoints: [SOURCE.pathname],
  bundle: true,
  write: false,
  format: "esm",
  minify: true,
  charset: "utf8",
  target: TARGETS,
  plugins: [minifiedSheets],
  mangleProps: new RegExp(`^(${[...INSIDE, ...(await namesOfWords())].join("|")})$`),
});
// A second minifier, because its names compress better: three per cent.
const { code } = await minify(outputFiles[0]?.text ?? "", { module: true, ecma: 2022, compress: { passes: 3, lhs_constants: false, sequences: false, if_return: false } });
const fresh = `// Campanile\n${code}\n`;
const weight = gzipSync(fresh, { level: 9 }).length;
if (weight > MOST_BYTES) throw new Error(`assets/campanile.js weighs ${weight} bytes gzipped: at most ${MOST_BYTES} are promised`);

if (process.argv.includes("--check")) {
  const committed = await readFile(TARGET, "utf8");
  if (committed !== fresh) throw new Error("assets/campanile.js is not what web/campanile gives: run `npm run build` in web/");
} else {
  await writeFile(TARGET, fresh);
}
console.log(`assets/campanile.js: ${fresh.length} characters, ${weight} bytes gzipped`);
