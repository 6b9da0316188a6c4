// The page: loads the model on the chosen backend, tests it against recorded answers, and lets a person try it.

import { feeds, test } from "./selftest.mjs";
import { imageField, valuesField } from "./inputs.mjs";
import { show } from "./answers.mjs";

const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search); // ?backend=webgpu, ?threads=2
const wished = Number(query.get("threads")) || Math.min(4, Math.ceil((navigator.hardwareConcurrency ?? 2) / 2));
const THREADS = self.crossOriginIsolated ? wished : 1; // only isolated pages share memory among threads
const RUNS = 20, PATIENCE = 1500; // of the timed runs: at most so many, for about so many milliseconds
const BUILDS = { wasm: "ort.wasm.min.mjs", gpu: "ort.webgpu.min.mjs" };
const BACKENDS = [
  { id: "wasm", build: "wasm", name: "WebAssembly", missing: async () => "" },
  { id: "webgpu", build: "gpu", name: "WebGPU", missing: async () =>
    (await navigator.gpu?.requestAdapter().catch(() => null)) ? "" : "this browser offers no graphics adapter" },
  { id: "webnn", build: "gpu", name: "WebNN", missing: async () =>
    (await navigator.ml?.createContext().catch(() => null)) ? "" : "this browser offers no WebNN" },
];

let model, tests, buffer, ort, session, fields = [];

async function fetched(path, as) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} is not there (${response.status})`);
  return response[as]();
}

async function start() {
  $("starting").hidden = true;
  [model, tests, buffer] = await Promise.all([
    fetched("model.json", "json"), fetched("selftest.json", "json"), fetched("selftest.bin", "arrayBuffer"),
  ]);
  const wanted = query.get("backend");
  for (const { id, build, name, missing } of BACKENDS.filter(({ build }) => model.builds.includes(build))) {
    const why = await missing();
    const option = new Option(why ? `${name} (not here)` : name, id, false, id === wanted);
    option.disabled = Boolean(why);
    option.title = why;
    $("backend").append(option);
  }
  fields = model.inputs.map((input) => (input.image ? imageField(input, model.pixels) : valuesField(input)));
  $("inputs").append(...fields.map((field) => field.element));
  $("inputs").addEventListener("submit", (event) => event.preventDefault());
  $("inputs").addEventListener("change", (event) => event.target.type === "file" && tryIt());
  $("backend").addEventListener("change", () => guarded(load));
  $("again").addEventListener("click", () => guarded(selfTest));
  $("run").addEventListener("click", tryIt);
  $("recorded").addEventListener("click", () => guarded(recorded));
  if (fields.length === 1 && fields[0].onDrawn) fields[0].onDrawn(tryIt);
  await load();
}

// Does something with the buttons off, and shows what went wrong.
async function guarded(action) {
  const buttons = ["run", "recorded", "again", "backend"].map($);
  buttons.forEach((button) => { button.disabled = true; });
  $("problem").hidden = true;
  await new Promise((resolve) => setTimeout(resolve)); // lets the page draw
  try {
    await action();
  } catch (error) {
    $("problem").textContent = error.message ?? String(error);
    $("problem").hidden = false;
    return false;
  } finally {
    buttons.forEach((button) => { button.disabled = button.id !== "backend" && !session; });
  }
  return true;
}

async function load() {
  verdict("running", "loading");
  try {
    const { id, build } = BACKENDS.find((backend) => backend.id === $("backend").value);
    await session?.release();
    session = undefined;
    ort = await import(`./runtime/${BUILDS[build]}`);
    ort.env.wasm.wasmPaths = new URL("runtime/", location.href).href;
    ort.env.wasm.numThreads = THREADS;
    const begun = performance.now();
    session = await ort.InferenceSession.create(model.file, { executionProviders: [id], externalData: model.external });
    $("load").textContent = milliseconds(performance.now() - begun);
    $("threads").textContent = id === "wasm" ? THREADS : id === "webgpu" ? "GPU" : "NN";
  } catch (error) {
    verdict("failed", "does not load");
    throw error;
  }
  await selfTest();
}

async function selfTest() {
  verdict("running", "running");
  $("origin").textContent = `${tests.examples.length} example${tests.examples.length === 1 ? "" : "s"}: ${tests.origin}`;
  let results;
  try {
    results = await test(ort, session, tests, buffer);
  } catch (error) {
    verdict("failed", "does not run");
    throw error;
  }
  $("tests").tBodies[0].replaceChildren(...results.map(row));
  const passed = results.every((result) => result.passed);
  const times = [], first = feeds(ort, tests.examples[0], buffer), begun = performance.now();
  while (times.length < RUNS && performance.now() - begun < PATIENCE) {
    const at = performance.now();
    await session.run(first);
    times.push(performance.now() - at);
  }
  times.sort((a, b) => a - b);
  $("median").textContent = milliseconds(times[times.length >> 1]);
  $("best").textContent = milliseconds(times[0]);
  window.selftest = { passed, results, times, backend: $("backend").value, threads: THREADS };
  verdict(passed ? "passed" : "failed", passed ? "passed" : "failed");
}

function verdict(state, text) {
  $("verdict").textContent = text;
  $("verdict").className = `badge ${state}`;
  document.documentElement.dataset.selftest = state;
}

function row(result) {
  const line = document.createElement("tr");
  const exact = result.allowed === 0 ? "equal" : result.allowed.toExponential(0);
  const far = result.difference === null ? "–" : result.difference === 0 ? "0" : result.difference.toExponential(1);
  for (const text of [result.name, result.shape.join(" × ") || "scalar", far, exact]) line.insertCell().textContent = text;
  const mark = document.createElement("span");
  mark.className = `badge ${result.passed ? "passed" : "failed"}`;
  mark.textContent = result.passed ? "ok" : "off";
  line.insertCell().append(mark);
  line.title = result.problem;
  return line;
}

function milliseconds(time) {
  return time >= 1000 ? `${(time / 1000).toFixed(2)} s` : `${time.toFixed(time < 10 ? 2 : time < 100 ? 1 : 0)} ms`;
}

function tryIt() {
  return guarded(async () => {
    const given = {};
    for (const field of fields) given[field.name] = field.tensor(ort);
    await answer(given);
  });
}

async function recorded() {
  const given = feeds(ort, tests.examples[0], buffer);
  for (const field of fields) if (given[field.name]) field.show(given[field.name]);
  await answer(given);
}

async function answer(given) {
  const begun = performance.now();
  const answers = await session.run(given);
  $("took").textContent = `took ${milliseconds(performance.now() - begun)}`;
  $("answers").replaceChildren(...model.outputs.map(({ name }) => show(name, answers[name], model.labels)));
}

guarded(start).then((well) => { if (!well && !session) verdict("failed", "failed"); });
