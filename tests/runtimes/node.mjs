// Runs models with recorded answers in onnxruntime-node: node node.mjs PACKAGE NAME...; a line of JSON for each.

import { createRequire } from "node:module";
import { existsSync, readFileSync } from "node:fs";
import { outcome } from "./outcome.mjs";

const [packaged, ...names] = process.argv.slice(2);
const ort = createRequire(import.meta.url)(packaged);

for (const name of names) {
  const recorded = existsSync(`${name}/selftest.json`);
  const tests = recorded ? JSON.parse(readFileSync(`${name}/selftest.json`, "utf8")) : null;
  const bytes = recorded ? readFileSync(`${name}/selftest.bin`) : null;
  const buffer = bytes?.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const load = () => ort.InferenceSession.create(`${name}/model.onnx`, { logSeverityLevel: 4 });
  console.log(JSON.stringify({ name, ...(await outcome(ort, load, tests, buffer)) }));
}
