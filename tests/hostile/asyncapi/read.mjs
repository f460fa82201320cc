// Reads an AsyncAPI document from standard input, and prints its faults: errors and warnings, not advice.
import { Parser } from "@asyncapi/parser";
import { text } from "node:stream/consumers";

const { document, diagnostics } = await new Parser().parse(await text(process.stdin));
const WARNING = 1;
const faults = diagnostics.filter((one) => one.severity <= WARNING);
for (const fault of faults) {
  console.log(`${fault.path.join("/")}: ${fault.message}`);
}
console.log(`${document?.allMessages().length ?? 0} messages, ${faults.length} faults`);
