// What the model answered: the likeliest classes as bars, a picture, or the numbers themselves.

import { half } from "./selftest.mjs";

const TOP = 5, SHOWN = 256; // classes with bars, numbers in full

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

export function show(name, tensor, labels) {
  const { dims, type } = tensor, last = dims.at(-1) ?? 1;
  const heading = element("h3", {}, `${name} `, element("small", {}, `${type}, ${dims.join(" × ") || "scalar"}`));
  if (type === "string") return element("div", {}, heading, element("pre", {}, tensor.data.slice(0, SHOWN).join("\n")));
  const bits = type === "float16" && !globalThis.Float16Array;
  const numbers = Array.from(tensor.data, bits ? half : (value) => value);
  const classes = dims.length === 2 || (dims.length === 1 && labels?.length === last);
  if (type.startsWith("float") && classes && last > 1) {
    if (numbers.length > last) heading.append(element("small", {}, `, the first of ${numbers.length / last}`));
    return element("div", {}, heading, element("div", { className: "bars" }, ...bars(numbers.slice(0, last), labels)));
  }
  const picture = asPicture(numbers, dims);
  const text = numbers.slice(0, SHOWN).map((x) => figure(x)).join("  ") + (numbers.length > SHOWN ? `  … ${numbers.length - SHOWN} more` : "");
  return element("div", {}, heading, ...(picture ? [picture] : [element("pre", {}, text || "nothing")]));
}

function bars(row, labels) {
  const order = row.map((value, i) => [value, i]).sort((a, b) => b[0] - a[0]).slice(0, TOP);
  const probable = row.every((x) => x >= 0 && x <= 1.0001) && Math.abs(row.reduce((sum, x) => sum + x, 0) - 1) < 0.01;
  const low = probable ? 0 : Math.min(...row), high = probable ? 1 : order[0][0];
  return order.map(([value, i]) => {
    const bar = element("i");
    bar.style.setProperty("--share", `${high > low ? (100 * (value - low)) / (high - low) : 0}%`);
    const name = labels?.[i] ?? `${i}`;
    return element("div", { className: "bar" }, element("span", { title: name }, name), bar,
      element("span", {}, probable ? `${(100 * value).toFixed(1)} %` : figure(value)));
  });
}

function figure(x) {
  return typeof x === "bigint" || Number.isInteger(x) ? String(x) : Number(x.toPrecision(5)).toString();
}

// An output of the shape of a picture, drawn from its smallest to its largest number.
function asPicture(numbers, dims) {
  if (dims.length !== 4 || ![1, 3].includes(dims[3]) || Math.min(dims[1], dims[2]) < 16) return null;
  const [, height, width, channels] = dims, size = height * width;
  const canvas = element("canvas", { width, height }), pen = canvas.getContext("2d"), image = pen.createImageData(width, height);
  let low = Infinity, high = -Infinity;
  for (const x of numbers.slice(0, size * channels).map(Number)) { low = Math.min(low, x); high = Math.max(high, x); }
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = ((Number(numbers[i * channels + (channels === 1 ? 0 : c)]) - low) / (high - low || 1)) * 255;
    image.data[4 * i + 3] = 255;
  }
  pen.putImageData(image, 0, 0);
  return canvas;
}
