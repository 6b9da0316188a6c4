// Recorded inputs and answers, and how what a session gives is compared with them. Runs in browsers and in Node.

const ARRAYS = {
  float32: Float32Array, float64: Float64Array, int8: Int8Array, int16: Int16Array, int32: Int32Array,
  uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, int64: BigInt64Array, uint64: BigUint64Array,
  bool: Uint8Array, float16: globalThis.Float16Array ?? Uint16Array,
};

// The numbers or strings of an array that selftest.json lists and selftest.bin holds.
export function values(entry, buffer) {
  if (entry.dtype === "string") return entry.values;
  const kind = ARRAYS[entry.dtype];
  return new kind(buffer, entry.offset, entry.bytes / kind.BYTES_PER_ELEMENT);
}

// A tensor of such an array; its data is a copy, so that a session may keep it.
export function tensor(ort, entry, buffer) {
  return new ort.Tensor(entry.dtype, values(entry, buffer).slice(), entry.shape);
}

// The inputs of one example as a session takes them.
export function feeds(ort, example, buffer) {
  return Object.fromEntries(example.inputs.map((entry) => [entry.name, tensor(ort, entry, buffer)]));
}

// Runs every example; for each output says how far it is off and whether that is allowed.
export async function test(ort, session, tests, buffer) {
  const results = [];
  for (const [number, example] of tests.examples.entries()) {
    const answers = await session.run(feeds(ort, example, buffer));
    for (const entry of example.outputs) {
      results.push({ example: number, ...compare(entry, values(entry, buffer), answers[entry.name]) });
    }
  }
  return results;
}

// Compares an output with what was recorded: dtype, shape, then every element.
export function compare(entry, expected, got) {
  const about = { name: entry.name, dtype: entry.dtype, shape: entry.shape, allowed: entry.tolerance, difference: null };
  if (!got) return { ...about, passed: false, problem: "it is not there" };
  if (got.type !== entry.dtype) return { ...about, passed: false, problem: `dtype is ${got.type}` };
  if (String(got.dims) !== String(entry.shape)) return { ...about, passed: false, problem: `shape is [${got.dims}]` };
  if (entry.random) return { ...about, passed: true, problem: "random: only dtype and shape are compared" };
  if (entry.dtype === "string") {
    const at = expected.findIndex((text, i) => text !== got.data[i]);
    return { ...about, passed: at < 0, problem: at < 0 ? "" : `element ${at} is '${got.data[at]}', not '${expected[at]}'` };
  }
  const number = entry.dtype === "float16" && !globalThis.Float16Array ? half : Number;
  const wide = entry.dtype === "int64" || entry.dtype === "uint64";
  let largest = 0, problem = "";
  for (let i = 0; i < expected.length; i++) {
    if (wide && expected[i] === got.data[i]) continue;
    const want = number(expected[i]), have = number(got.data[i]);
    if (Object.is(want, have) || want === have) continue;
    const difference = wide ? Number(expected[i] - got.data[i]) : have - want;
    const distance = Math.abs(difference);
    largest = Number.isNaN(largest) ? largest : Number.isNaN(distance) ? NaN : Math.max(largest, distance);
    const allowed = Math.max(Number.isFinite(want) ? entry.tolerance * (1 + Math.abs(want)) : 0, entry.slack);
    if (!problem && !(distance <= allowed)) problem = `element ${i} is ${have}, not ${want}`;
  }
  return { ...about, passed: !problem, difference: largest, problem };
}

// The number that sixteen bits of a half stand for.
export function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction);
}
