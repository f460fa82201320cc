// An npm package as one file: a gzipped tar (POSIX.1-1988, ustar) whose bytes depend on its files alone.

import { gunzipSync, gzipSync } from "node:zlib";

const BLOCK = 512;
// The time that npm gives to every file, 1985-10-26T08:15:00Z.
const WRITTEN_AT = 499_162_500;

/**
 * @param {Map<string, string>} files names and texts
 * @returns {Buffer}
 */
export function tarOf(files) {
  const parts = [...files].sort(([one], [other]) => (one < other ? -1 : 1)).flatMap(([name, text]) => entry(`package/${name}`, Buffer.from(text)));
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

/** @param {Buffer} tar */
export function compressed(tar) {
  const bytes = gzipSync(tar, { level: 9 });
  // The operating system: unknown (RFC 1952, section 2.3.1).
  bytes[9] = 255;
  return bytes;
}

/**
 * True if a committed package holds this tar. Versions of zlib compress differently.
 * @param {Buffer} committed
 * @param {Buffer} tar
 */
export function holds(committed, tar) {
  return gunzipSync(committed).equals(tar);
}

/**
 * @param {string} name
 * @param {Buffer} content
 */
function entry(name, content) {
  const head = Buffer.alloc(BLOCK);
  /** @param {number} at @param {number} size @param {number} value */
  const octal = (at, size, value) => head.write(`${value.toString(8).padStart(size - 1, "0")}\0`, at);
  head.write(name, 0);
  octal(100, 8, 0o644);
  octal(108, 8, 0);
  octal(116, 8, 0);
  octal(124, 12, content.length);
  octal(136, 12, WRITTEN_AT);
  head.write("        0", 148);
  head.write("ustar\0" + "00", 257);
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return [head, content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)];
}
