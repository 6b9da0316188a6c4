// What a person gives: a picture, made of the model's size and range, or values as text.

// Pixels from 0 to 255 to what the model was trained on: a range, or less a mean and by a deviation, red first.
const RANGES = ["0..1", "-1..1", "0..255"];
const STATISTICS = {
  "imagenet": { mean: [123.675, 116.28, 103.53], scale: [58.395, 57.12, 57.375], title: "ImageNet mean and deviation" },
  "caffe": { mean: [123.68, 116.779, 103.939], scale: [1, 1, 1], bgr: true, title: "ImageNet mean, blue first" },
};
function normalisation(pixels) {
  if (pixels in STATISTICS) return STATISTICS[pixels];
  const [low, high] = pixels.split("..").map(Number), scale = 255 / (high - low);
  return { mean: Array(3).fill(-low * scale), scale: Array(3).fill(scale), title: `${low} to ${high}` };
}
const SIDE = 224; // of a picture whose size the model leaves open

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function legend(input) {
  const shape = input.shape.map((size) => size ?? "?").join(" × ") || "scalar";
  return element("legend", {}, `${input.name} `, element("small", {}, `${input.dtype}, ${shape}`));
}

// A field for a picture: a file, a drop, or strokes drawn on the preview.
export function imageField(input, pixels) {
  const { channels, layout } = input.image;
  const height = element("input", { type: "number", min: 1, max: 4096, value: input.image.height ?? SIDE });
  const width = element("input", { type: "number", min: 1, max: 4096, value: input.image.width ?? SIDE });
  const range = element("select", {}, ...[...new Set([...RANGES, ...Object.keys(STATISTICS), pixels])].map((key) =>
    new Option(normalisation(key).title, key, key === pixels, key === pixels)));
  const fit = element("select", {}, new Option("whole picture", "stretch"), new Option("middle square", "crop"));
  const canvas = element("canvas", { className: "preview", title: "draw here", width: +width.value, height: +height.value });
  const file = element("input", { type: "file", accept: "image/*", id: `file-${input.name}` });
  const drop = element("label", { className: "drop" }, file,
    element("span", {}, element("b", {}, "Choose a picture"), " or drop it here"),
    element("span", {}, `it becomes ${canvas.width} × ${canvas.height}`), element("span", {}, "or draw on the black square"));
  const options = element("div", { className: "options" },
    element("label", {}, "pixels become", range), element("label", {}, "fit", fit));
  if (input.image.height === null) options.append(element("label", {}, "height", height));
  if (input.image.width === null) options.append(element("label", {}, "width", width));
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  let picture = null, drawn = () => {};

  const clear = () => { pen.fillStyle = "#000"; pen.fillRect(0, 0, canvas.width, canvas.height); };
  const paint = () => {
    canvas.width = +width.value;
    canvas.height = +height.value;
    clear();
    if (!picture) return;
    pen.imageSmoothingQuality = "high";
    const whole = fit.value === "stretch", side = Math.min(picture.width, picture.height);
    const [w, h] = whole ? [picture.width, picture.height] : [side, side];
    pen.drawImage(picture, (picture.width - w) / 2, (picture.height - h) / 2, w, h, 0, 0, canvas.width, canvas.height);
  };
  const open = async (chosen) => {
    if (!chosen) return;
    picture = await createImageBitmap(chosen);
    paint();
    drawn();
  };
  file.addEventListener("change", (event) => { event.stopPropagation(); open(file.files[0]); });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.toggle("over", kind === "dragover"); });
  }
  drop.addEventListener("drop", (event) => open(event.dataTransfer.files[0]));
  for (const control of [fit, height, width]) control.addEventListener("change", paint);
  sketch(canvas, pen, () => { if (picture) { picture = null; clear(); } }, () => drawn());
  clear();

  return {
    name: input.name,
    element: element("fieldset", {}, legend(input), element("div", { className: "picture" }, drop, canvas), options),
    onDrawn(action) { drawn = action; },
    tensor(ort) {
      const bytes = pen.getImageData(0, 0, canvas.width, canvas.height).data;
      return packed(ort, input, bytes, canvas.width, canvas.height, normalisation(range.value));
    },
    show(tensor) { // a recorded picture, from its darkest to its brightest
      const [h, w] = layout === "nhwc" ? tensor.dims.slice(-3, -1) : tensor.dims.slice(-2);
      [picture, width.value, height.value] = [null, w, h];
      paint();
      const image = pen.createImageData(w, h), all = Array.from(tensor.data.subarray(0, w * h * channels), Number);
      const low = Math.min(...extent(all)), span = Math.max(...extent(all)) - low || 1;
      for (let i = 0; i < w * h; i++) {
        for (let c = 0; c < 4; c++) {
          const channel = channels === 1 ? 0 : c, at = layout === "nhwc" ? i * channels + channel : channel * w * h + i;
          image.data[4 * i + c] = c === 3 ? 255 : ((all[at] - low) / span) * 255;
        }
      }
      pen.putImageData(image, 0, 0);
    },
  };
}

function extent(numbers) {
  return numbers.reduce(([low, high], x) => [Math.min(low, x), Math.max(high, x)], [Infinity, -Infinity]);
}

// Strokes with a pointer, as wide as handwriting on a small picture.
function sketch(canvas, pen, before, after) {
  let last = null;
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * canvas.width, ((event.clientY - box.top) / box.height) * canvas.height];
  };
  canvas.addEventListener("pointerdown", (event) => { before(); last = at(event); canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const next = at(event);
    Object.assign(pen, { strokeStyle: "#fff", lineCap: "round", lineWidth: Math.max(1, canvas.width / 10) });
    pen.beginPath();
    pen.moveTo(...last);
    pen.lineTo(...next);
    pen.stroke();
    last = next;
  });
  for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, () => { if (last) { last = null; after(); } });
}

// A picture as the model takes it.
export function packed(ort, input, bytes, width, height, { mean, scale, bgr = false }) {
  const { channels, layout } = input.image, size = width * height, numbers = new Array(size * channels);
  for (let i = 0; i < size; i++) {
    const [r, g, b, a] = bytes.slice(4 * i, 4 * i + 4);
    const colours = channels === 1 ? [0.299 * r + 0.587 * g + 0.114 * b] : bgr ? [b, g, r, a] : [r, g, b, a];
    for (let c = 0; c < channels; c++) {
      const k = c > 2 ? null : bgr ? 2 - c : c;
      const value = k === null ? colours[c] : (colours[c] - mean[k]) / scale[k];
      numbers[layout === "nhwc" ? i * channels + c : c * size + i] = value;
    }
  }
  const picture = layout === "nhwc" ? [height, width, channels] : [channels, height, width];
  return new ort.Tensor(input.dtype, array(input.dtype, numbers), input.shape.length === 4 ? [1, ...picture] : picture);
}

// A field for values: numbers or strings, and the sizes that the model leaves open.
export function valuesField(input) {
  const open = input.shape.map((size, axis) => (Number.isInteger(size) ? null : { axis, name: size ?? `size ${axis + 1}` })).filter(Boolean);
  const sizes = open.map(({ axis, name }) => ({ axis, box: element("input", { type: "number", min: 0, value: 1, title: name }), name }));
  const text = element("textarea", {
    spellcheck: false, placeholder: input.dtype === "string" ? "one string a line" : "numbers, separated by commas or spaces; one number fills everything",
  });
  const options = element("div", { className: "options" }, ...sizes.map(({ box, name }) => element("label", {}, name, box)));
  const about = element("fieldset", {}, legend(input), text, options);
  return {
    name: input.name,
    element: about,
    tensor(ort) {
      const dims = [...input.shape];
      for (const { axis, box } of sizes) dims[axis] = +box.value;
      const count = dims.reduce((product, size) => product * size, 1);
      let given = input.dtype === "string" ? text.value.split("\n") : text.value.split(/[\s,;[\]]+/).filter(Boolean);
      if (given.length === 1) given = new Array(count).fill(given[0]);
      if (given.length !== count) throw new Error(`'${input.name}' takes ${count} values (${dims.join(" × ")}), and there are ${given.length}`);
      return new ort.Tensor(input.dtype, input.dtype === "string" ? given : array(input.dtype, given), dims);
    },
    show(tensor) {
      for (const { axis, box } of sizes) box.value = tensor.dims[axis];
      text.value = Array.from(tensor.data, (value) => (typeof value === "number" ? +value.toPrecision(6) : String(value)))
        .join(input.dtype === "string" ? "\n" : ", ");
    },
  };
}

// Numbers, given as such or as text, in a dtype.
function array(dtype, given) {
  const checked = (value) => {
    const number = value === "true" ? 1 : value === "false" ? 0 : Number(value);
    if (Number.isNaN(number) && value !== "NaN") throw new Error(`'${value}' is no number`);
    return number;
  };
  if (dtype === "int64" || dtype === "uint64") {
    const kind = dtype === "int64" ? BigInt64Array : BigUint64Array;
    return kind.from(given, (value) => BigInt(typeof value === "string" && /^-?\d+$/.test(value) ? value : Math.round(checked(value))));
  }
  if (dtype === "float16") {
    if (!globalThis.Float16Array) throw new Error("this browser has no half-precision numbers to type in");
    return Float16Array.from(given, checked);
  }
  const kinds = { float32: Float32Array, float64: Float64Array, int8: Int8Array, int16: Int16Array, int32: Int32Array,
    uint8: Uint8ClampedArray, uint16: Uint16Array, uint32: Uint32Array, bool: Uint8Array };
  const made = kinds[dtype].from(given, checked);
  return dtype === "uint8" ? new Uint8Array(made.buffer) : made;
}
