"use strict";
const shown = (cell) => cell.textContent.trim();
const value = (cell) => Number("value" in cell.dataset ? cell.dataset.value : shown(cell) || NaN);
const order = (a, b) => {
  const [x, y] = [value(a), value(b)];
  if (Number.isNaN(x) || Number.isNaN(y)) return shown(a).localeCompare(shown(b), "en", { numeric: true });
  return x - y;
};
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => (down ? -1 : 1) * order(a.cells[column], b.cells[column]));
      table.tBodies[0].append(...rows);
    });
  });
}
for (const item of document.querySelectorAll(".legend li")) {
  const mark = (on) => {
    document.body.classList.toggle("focus", on);
    const lines = document.querySelectorAll(".series.s" + item.dataset.series);
    lines.forEach((line) => line.classList.toggle("on", on));
  };
  item.addEventListener("pointerenter", () => mark(true));
  item.addEventListener("pointerleave", () => mark(false));
}
for (const link of document.querySelectorAll('a[href^="#runs-"]')) {
  link.addEventListener("click", () => {
    document.getElementById(link.hash.slice(1)).open = true;
  });
}
