// Builds what the hub serves of web/: assets/campanile.js, the module with the bell, and assets/campanile-client.tgz, the npm
// package. `--check` writes nothing but web/dist/, the package as a folder, and fails if what is committed is not what the
// sources give.

import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { brotliCompressSync, brotliDecompressSync, constants, gzipSync } from "node:zlib";
import { atHome, bundle } from "./bundle.mjs";
import { compressed, holds, tarOf } from "./tarball.mjs";

const at = (/** @type {string} */ path) => new URL(path, import.meta.url);
const MODULE = at("../assets/campanile.js");
const MODULE_BROTLI = at("../assets/campanile.js.br");
const PACKAGE = at("../assets/campanile-client.tgz");
// docs/guide/embedding.md and docs/guide/javascript.md promise them.
const MOST_BYTES = { "campanile.js": 14 * 1024, "index.js": 7 * 1024 };

const brotli = (/** @type {string} */ text) => brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: text.length, [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT } });

/**
 * @param {keyof typeof MOST_BYTES} name
 * @param {string} code
 */
function weigh(name, code) {
  const weight = brotli(code).length;
  console.log(`${name}: ${code.length} characters, ${weight} bytes with brotli, ${gzipSync(code, { level: 9 }).length} with gzip`);
  if (weight > MOST_BYTES[name]) throw new Error(`${name} weighs ${weight} bytes with brotli: at most ${MOST_BYTES[name]} are promised`);
}

// A server has no elements.
const ELEMENTS = "const BaseElement = globalThis.HTMLElement ?? class {}, elements = globalThis.customElements ?? { get: () => true };";

/** The files of the npm package. In it the hub is, by default, the site of the page. */
async function packageFiles() {
  const folder = at("package/");
  const own = (await readdir(folder)).filter((name) => name !== "types.test.ts");
  const texts = await Promise.all(own.map(async (name) => /** @type {const} */ ([name, await readFile(new URL(name, folder), "utf8")])));
  const files = new Map(texts);
  const [, version = ""] = /^version = "(.*)"$/m.exec(await readFile(at("../Cargo.toml"), "utf8")) ?? [];
  files.set("package.json", `${JSON.stringify({ ...JSON.parse(files.get("package.json") ?? ""), version }, null, 2)}\n`);
  files.set("wire.d.ts", await readFile(at("campanile/wire.d.ts"), "utf8"));
  files.set("LICENSE", await readFile(at("../LICENSE"), "utf8"));
  const plugins = [atHome];
  const define = { HTMLElement: "BaseElement", customElements: "elements" };
  files.set("index.js", await bundle(new URL("index.js", folder), { plugins }));
  files.set("toasts.js", await bundle(new URL("toasts.js", folder)));
  files.set("bell.js", await bundle(new URL("bell.js", folder), { plugins, define, banner: { js: ELEMENTS } }));
  return files;
}

/** @param {Map<string, string>} files */
async function writeFolder(files) {
  const folder = at("dist/");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await Promise.all([...files].map(([name, text]) => writeFile(new URL(name, folder), text)));
}

const module = await bundle(at("campanile/main.js"));
const files = await packageFiles();
const tar = tarOf(files);
await writeFolder(files);
weigh("campanile.js", module);
weigh("index.js", files.get("index.js") ?? "");

// Versions of a compressor give other bytes for the same text: what is committed is looked into.
const committed = async (/** @type {URL} */ file) => readFile(file).catch(() => Buffer.alloc(0));
const isServed = (/** @type {Buffer} */ bytes) => bytes.length > 0 && brotliDecompressSync(bytes).toString() === module;
const isPacked = (/** @type {Buffer} */ bytes) => bytes.length > 0 && holds(bytes, tar);
const [plain, served, packed] = await Promise.all([committed(MODULE), committed(MODULE_BROTLI), committed(PACKAGE)]);
if (!process.argv.includes("--check")) {
  if (plain.toString() !== module) await writeFile(MODULE, module);
  if (!isServed(served)) await writeFile(MODULE_BROTLI, brotli(module));
  if (!isPacked(packed)) await writeFile(PACKAGE, compressed(tar));
} else if (plain.toString() !== module || !isServed(served) || !isPacked(packed)) {
  throw new Error("assets/ does not hold what web/ gives: run `npm run build` in web/");
}
