// What becomes of one model in a build of ONNX Runtime.

import { feeds, test } from "./selftest.mjs";

export async function outcome(ort, load, tests, buffer) {
  let session;
  try {
    session = await load();
  } catch (error) {
    return { loaded: false, problem: String(error.message ?? error) };
  }
  try {
    if (!tests) return { loaded: true };
    const results = await test(ort, session, tests, buffer);
    const off = results.find((result) => !result.passed);
    const begun = performance.now();
    await session.run(feeds(ort, tests.examples[0], buffer));
    return {
      loaded: true,
      problem: off ? `${off.name}: ${off.problem}` : "",
      difference: results.reduce((most, result) => Math.max(most, result.difference ?? 0), 0),
      milliseconds: performance.now() - begun,
      results,
    };
  } catch (error) {
    return { loaded: true, problem: String(error.message ?? error) };
  } finally {
    await session.release();
  }
}
