// Runs models with recorded answers in onnxruntime-web; a test calls run(name, backend) for each.

import { outcome } from "./outcome.mjs";

const SCRIPTS = { wasm: "ort.wasm.min.mjs", webgpu: "ort.webgpu.min.mjs", webnn: "ort.webgpu.min.mjs" };

window.run = async (name, backend) => {
  const ort = await import(`./runtime/${SCRIPTS[backend]}`);
  ort.env.wasm.wasmPaths = new URL("runtime/", location.href).href;
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "fatal";
  const listed = await fetch(`${name}/selftest.json`);
  const tests = listed.ok ? await listed.json() : null;
  const buffer = listed.ok ? await (await fetch(`${name}/selftest.bin`)).arrayBuffer() : null;
  const load = () => ort.InferenceSession.create(`${name}/model.onnx`, { executionProviders: [backend], logSeverityLevel: 4 });
  return { name, ...(await outcome(ort, load, tests, buffer)) };
};
