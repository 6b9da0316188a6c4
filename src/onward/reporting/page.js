"use strict";
for (const figure of document.querySelectorAll(".searchable")) {
  const field = figure.querySelector("input");
  const count = figure.querySelector("output");
  const rows = Array.from(figure.querySelectorAll("tbody tr"), row => [row, row.textContent.toLowerCase()]);
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [row, text] of rows) {
      row.hidden = !words.every(word => text.includes(word));
      shown += !row.hidden;
    }
    figure.classList.toggle("filtered", words.length > 0);
    count.textContent = words.length ? `${shown} of ${rows.length}` : "";
  });
}
