"use strict";
const DRAWN = 300, WIDE = 26;

// A cell is its text, or the verdict and text of a mark.
function draw(row, heads) {
  const line = document.createElement("tr");
  row.forEach((cell, i) => {
    const place = line.insertCell();
    let target = place, text = cell;
    if (Array.isArray(cell)) {
      target = place.appendChild(document.createElement("span"));
      target.className = `mark ${cell[0]}`;
      text = cell[1];
    }
    place.className = heads[i].className || (text.length > WIDE ? "w" : "");
    target.append(...text.split(/(?<=\/)/).flatMap(part => [part, document.createElement("wbr")]));
  });
  return line;
}

for (const figure of document.querySelectorAll(".searchable")) {
  const field = figure.querySelector("input"), count = figure.querySelector("output");
  const body = figure.querySelector("tbody"), heads = figure.querySelectorAll("thead th");
  const here = Array.from(body.rows, line => [line, line.textContent.toLowerCase()]);
  const rest = JSON.parse(figure.querySelector("script")?.textContent ?? "[]");
  const more = rest.map(row => [row, row.flat().join(" ").toLowerCase()]);
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const holds = ([, text]) => words.every(word => text.includes(word));
    here.forEach(row => { row[0].hidden = !holds(row); });
    while (body.rows.length > here.length) body.deleteRow(-1);
    const near = here.filter(holds).length, far = words.length ? more.filter(holds) : [];
    body.append(...far.slice(0, Math.max(0, DRAWN - near)).map(([row]) => draw(row, heads)));
    const all = near + far.length, shown = body.rows.length - here.length + near;
    const cut = shown < all ? `, the first ${shown} shown` : "";
    count.textContent = words.length ? `${all} of ${here.length + more.length}${cut}` : "";
    figure.classList.toggle("filtered", words.length > 0);
  });
}
