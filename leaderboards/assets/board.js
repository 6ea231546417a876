"use strict";
// Tables that sort and filter, and charts drawn from the JSON in the page. Text is only ever set as
// text, so nothing that a submission says can become markup.

const data = JSON.parse(document.getElementById("data")?.textContent ?? "{}");
const SVG = "http://www.w3.org/2000/svg";
const COLORS = 8;
const DASHES = 4;
const PAD = 0.03; // share of an axis beyond what is drawn
const BANDS = 4; // series with intervals at most; more cover one another
const picked = new Map(); // number of a series -> number of its style

function svg(name, attributes = {}, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text) element.textContent = text;
  return element;
}

function html(name, attributes = {}, ...content) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...content);
  return element;
}

const style = (number) => `s${number % COLORS} d${Math.floor(number / COLORS) % DASHES}`;

function pick(series, on) {
  if (!on) return picked.delete(series);
  const used = new Set(picked.values());
  let number = 0;
  while (used.has(number)) number += 1;
  return picked.set(series, number);
}

function words(value) {
  if (value === null || !Number.isFinite(value)) return "none";
  const size = Math.abs(value);
  if (size >= 1e5) return value.toExponential(1).replace("e+", "e");
  return String(Number(value.toPrecision(size >= 1e3 ? 4 : 3)));
}

// ---- axes -------------------------------------------------------------------------------------

function logTicks([low, high]) {
  const decades = Math.log10(high / low);
  const steps = decades < 1.2 ? [1, 2, 3, 5, 7] : decades < 3 ? [1, 2, 5] : [1];
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1)
    for (const step of steps) ticks.push(step * 10 ** power);
  return ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
}

function linearTicks([low, high]) {
  const rough = (high - low) / 6 || 1;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * unit >= rough) * unit;
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k += 1) ticks.push(Number((k * step).toPrecision(12)));
  return ticks;
}

function scale(domain, [start, end], log) {
  const f = log ? Math.log : (value) => value;
  const [low, high] = domain.map(f);
  const place = (value) => start + ((f(value) - low) / (high - low || 1)) * (end - start);
  return Object.assign(place, { domain, ticks: log ? logTicks(domain) : linearTicks(domain), log });
}

function domainOf(values, log, pad) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value === null || (log && value <= 0)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return log ? [0.1, 1] : [0, 1];
  if (low === high) return log ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
  if (log) return [low / (high / low) ** pad, high * (high / low) ** pad];
  return [low === 0 ? 0 : low - (high - low) * pad, high + (high - low) * pad];
}

// ---- charts -----------------------------------------------------------------------------------

class Chart {
  constructor(figure) {
    this.host = figure.querySelector(".chart");
    this.views = data[figure.dataset.chart];
    this.steps = figure.dataset.kind === "steps";
    this.id = figure.dataset.chart;
    this.choice = { view: 0, clock: Object.keys(this.views[0].clocks)[0], logX: figure.dataset.log?.includes("x"), logY: figure.dataset.log?.includes("y") };
    this.controls(figure.querySelector(".toolbar"));
    this.tip = html("div", { class: "tip", hidden: "" });
    this.live = html("div", { class: "sr", "aria-live": "polite" });
    this.legend = html("ul", { class: "legend" });
    this.host.append(this.tip, this.live);
    this.host.after(this.legend);
    this.width = 0;
    new ResizeObserver(() => { if (this.host.clientWidth !== this.width) this.draw(); }).observe(this.host);
  }

  controls(bar) {
    if (this.views.length > 1) {
      const select = html("select", {}, ...this.views.map((view, k) => html("option", { value: k }, view.label)));
      select.addEventListener("change", () => this.set({ view: Number(select.value) }));
      bar.append(html("label", {}, "Benchmark", select));
    }
    const clocks = new Set(this.views.flatMap((view) => Object.keys(view.clocks)));
    if (clocks.size > 1) {
      const select = html("select", {}, ...[...clocks].map((clock) => html("option", { value: clock }, clock)));
      select.addEventListener("change", () => this.set({ clock: select.value }));
      bar.append(html("label", {}, "Horizontal axis", select));
    }
    for (const [key, label] of [["logX", "log x"], ["logY", "log y"]]) {
      const button = html("button", { type: "button", "aria-pressed": String(Boolean(this.choice[key])) }, label);
      button.addEventListener("click", () => {
        this.set({ [key]: !this.choice[key] });
        button.setAttribute("aria-pressed", String(this.choice[key]));
      });
      bar.append(button);
    }
  }

  set(change) {
    Object.assign(this.choice, change);
    this.draw();
  }

  get current() {
    const view = this.views[this.choice.view];
    const clock = view.clocks[this.choice.clock] ? this.choice.clock : Object.keys(view.clocks)[0];
    return { ...view, ...view.clocks[clock], clock };
  }

  /** Numbers of the series in drawing order: those picked last, on top. */
  order(count) {
    const rest = [...Array(count).keys()].filter((k) => !picked.has(k));
    return [...rest, ...[...picked.keys()].filter((k) => k < count)];
  }

  draw() {
    const view = (this.view = this.current);
    const { logX, logY } = this.choice;
    const width = (this.width = this.host.clientWidth || 640);
    const height = Math.max(260, Math.min(440, width * 0.62));
    const box = { left: 58, right: width - 14, top: 14, bottom: height - 46 };
    const means = [...view.mean.flat(), ...(view.goal ? [view.goal] : [])];
    const best = means.reduce((least, value) => (value > 0 && value < least ? value : least), Infinity);
    const ys = [...means, ...this.bounds(view)];
    const yDomain = domainOf(ys.map((value) => (logY && value !== null ? Math.max(value, best / 2) : value)), logY, PAD);
    this.x = scale(domainOf(view.x, logX, this.steps ? 0 : PAD), [box.left, box.right], logX);
    this.y = scale(yDomain, [box.bottom, box.top], logY);
    this.box = box;
    const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "application", "aria-label": `${view.label}: ${view.y} against ${view.clock}. Arrow keys left and right move along the axis, up and down between series.`, tabindex: "0" });
    drawing.append(this.axes(view, box, height), ...this.series(view), ...this.goal(view, box));
    this.cursor = svg("line", { class: "cursor", y1: box.top, y2: box.bottom, visibility: "hidden" });
    drawing.append(this.cursor);
    this.listen(drawing);
    this.drawing?.remove();
    this.drawing = drawing;
    this.host.prepend(drawing);
    this.key(view);
    this.hide();
  }

  bounds(view) {
    if (!view.low || picked.size > BANDS) return [];
    return [...picked.keys()].filter((k) => k < view.mean.length).flatMap((k) => [...view.low[k], ...view.high[k]]);
  }

  axes(view, box, height) {
    const group = svg("g", { "aria-hidden": "true" });
    for (const tick of this.y.ticks) {
      const y = this.y(tick);
      group.append(svg("line", { class: "rule", x1: box.left, x2: box.right, y1: y, y2: y }), svg("text", { x: box.left - 8, y: y + 4, "text-anchor": "end" }, words(tick)));
    }
    let free = -Infinity;
    for (const tick of this.x.ticks) {
      const x = this.x(tick), label = words(tick), half = label.length * 3.6;
      group.append(svg("line", { class: "axis", x1: x, x2: x, y1: box.bottom, y2: box.bottom + 4 }));
      if (x - half > free) { group.append(svg("text", { x, y: box.bottom + 18, "text-anchor": "middle" }, label)); free = x + half + 8; }
    }
    group.append(svg("line", { class: "axis", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }), svg("text", { x: (box.left + box.right) / 2, y: height - 6, "text-anchor": "middle" }, view.xLabel));
    const middle = (box.top + box.bottom) / 2;
    group.append(svg("text", { transform: `translate(13 ${middle}) rotate(-90)`, "text-anchor": "middle" }, view.y));
    return group;
  }

  path(xs, ys, steps = this.steps) {
    const floor = this.y.domain[0];
    let text = "", before = null;
    xs.forEach((x, k) => {
      if (ys[k] === null) { before = null; return; }
      const [px, py] = [this.x(x).toFixed(1), this.y(this.y.log ? Math.max(ys[k], floor) : ys[k]).toFixed(1)];
      text += before === null ? `M${px} ${py}` : steps ? `H${px}V${py}` : `L${px} ${py}`;
      before = py;
    });
    return text;
  }

  series(view) {
    this.lines = [];
    const parts = [];
    for (const k of this.order(view.mean.length)) {
      const chosen = picked.has(k);
      if (chosen && view.low && picked.size <= BANDS) parts.push(this.band(view, k));
      this.lines[k] = svg("path", { class: chosen ? `line picked ${style(picked.get(k))}` : "line", d: this.path(view.x, view.mean[k]) });
      parts.push(this.lines[k]);
    }
    return parts;
  }

  band(view, k) {
    const known = view.x.map((_, i) => i).filter((i) => view.low[k][i] !== null);
    const forth = this.path(known.map((i) => view.x[i]), known.map((i) => view.high[k][i]));
    const floor = this.y.domain[0];
    const at = (i) => this.y(this.y.log ? Math.max(view.low[k][i], floor) : view.low[k][i]).toFixed(1);
    let back = "";
    for (const i of known.reverse()) back += this.steps && back ? `V${at(i)}H${this.x(view.x[i]).toFixed(1)}` : `L${this.x(view.x[i]).toFixed(1)} ${at(i)}`;
    return svg("path", { class: `band picked ${style(picked.get(k))}`, d: `${forth}${back}Z` });
  }

  goal(view, box) {
    if (view.front) return [svg("path", { class: "goal", d: `${this.path(view.front.x, view.front.y, true)}H${box.right}` })];
    if (!view.goal) return [];
    const y = this.y(view.goal);
    return [svg("line", { class: "goal", x1: box.left, x2: box.right, y1: y, y2: y }), svg("text", { class: "goal-label", x: box.left + 6, y: y - 5 }, view.goalLabel)];
  }

  key(view) {
    const names = [...picked.entries()].filter(([k]) => k < view.mean.length && picked.size <= 2 * COLORS);
    this.legend.replaceChildren(...names.map(([k, number]) => html("li", {}, swatch(number), view.names?.[k] ?? data.names[k])));
  }

  listen(drawing) {
    drawing.addEventListener("pointermove", (event) => {
      const frame = drawing.getBoundingClientRect();
      this.near(((event.clientX - frame.left) / frame.width) * this.width, event.clientY - frame.top);
    });
    drawing.addEventListener("pointerleave", () => this.hide());
    drawing.addEventListener("blur", () => this.hide());
    drawing.addEventListener("keydown", (event) => this.step(event));
  }

  near(px, py) {
    const { view } = this;
    let i = 0;
    if (this.steps) { while (i + 1 < view.x.length && this.x(view.x[i + 1]) <= px + 0.5) i += 1; }
    else view.x.forEach((x, k) => { if (Math.abs(this.x(x) - px) < Math.abs(this.x(view.x[i]) - px)) i = k; });
    let found = -1, least = Infinity;
    view.mean.forEach((values, k) => {
      if (values[i] === null) return;
      const gap = Math.abs(this.y(Math.max(values[i], this.y.log ? this.y.domain[0] : -Infinity)) - py) - (picked.has(k) ? 6 : 0);
      if (gap < least) { least = gap; found = k; }
    });
    if (found < 0) return this.hide();
    return this.show(found, i);
  }

  step(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const move = moves[event.key];
    if (event.key === "Escape") this.hide();
    if (!move) return;
    event.preventDefault();
    const order = this.order(this.view.mean.length).reverse();
    const [k, i] = this.shown ?? [order[0], this.view.x.length - 1 - move[0]];
    const place = (order.indexOf(k) + move[1] + order.length) % order.length;
    this.show(order[place], Math.min(Math.max(i + move[0], 0), this.view.x.length - 1));
    this.live.textContent = this.tip.textContent;
  }

  show(k, i) {
    const { view } = this;
    const value = view.mean[k][i];
    this.lines.forEach((line, other) => line.classList.toggle("on", other === k));
    const px = this.x(view.x[i]);
    for (const [key, at] of [["x1", px], ["x2", px], ["visibility", "visible"]]) this.cursor.setAttribute(key, at);
    const interval = view.low && view.low[k][i] !== null ? ` [${words(view.low[k][i])}, ${words(view.high[k][i])}]` : "";
    this.place(px, value === null ? this.box.top : this.y(Math.max(value, this.y.log ? this.y.domain[0] : -Infinity)), view.names?.[k] ?? data.names[k], `${view.xLabel} ${words(view.x[i])}: ${words(value)}${interval}`);
    this.shown = [k, i];
  }

  place(px, py, title, text) {
    this.tip.replaceChildren(html("b", {}, title), text);
    this.tip.hidden = false;
    const left = px + 16 + this.tip.offsetWidth > this.width ? px - 16 - this.tip.offsetWidth : px + 16;
    this.tip.style.left = `${Math.max(0, left)}px`;
    this.tip.style.top = `${Math.max(0, py - this.tip.offsetHeight - 10)}px`;
  }

  hide() {
    this.tip.hidden = true;
    this.lines?.forEach((line) => line.classList.remove("on"));
    this.cursor?.setAttribute("visibility", "hidden");
    this.shown = null;
  }
}

/** Points of each series, and the exact front behind them as a line. */
class Scatter extends Chart {
  get current() {
    const view = super.current;
    return { ...view, x: [...view.xs.flat(), ...view.front.x], mean: view.ys, frontY: view.front.y };
  }

  bounds(view) { return view.frontY; }

  series(view) {
    const parts = [];
    this.lines = [];
    this.points = [];
    for (const k of this.order(view.ys.length)) {
      const group = svg("g");
      view.xs[k].forEach((x, i) => {
        const chosen = picked.has(k) ? `point picked ${style(picked.get(k))}` : "point";
        const dot = svg("circle", { class: chosen, cx: this.x(x).toFixed(1), cy: this.y(view.ys[k][i]).toFixed(1), r: picked.has(k) ? 4.2 : 2.4 });
        group.append(dot);
        this.points.push({ k, i, dot });
      });
      this.lines[k] = group;
      parts.push(group);
    }
    return parts;
  }

  near(px, py) {
    let found = null, least = 30;
    for (const point of this.points) {
      const gap = Math.hypot(point.dot.getAttribute("cx") - px, point.dot.getAttribute("cy") - py);
      if (gap < least) { least = gap; found = point; }
    }
    if (found) this.show(found.k, found.i); else this.hide();
  }

  step(event) {
    const move = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (event.key === "Escape") this.hide();
    if (!move || !this.points.length) return;
    event.preventDefault();
    const at = this.points.findIndex(({ k, i }) => this.shown && k === this.shown[0] && i === this.shown[1]);
    const next = this.points[(at + move + this.points.length) % this.points.length];
    this.show(next.k, next.i);
    this.live.textContent = this.tip.textContent;
  }

  show(k, i) {
    const { view } = this;
    for (const point of this.points) point.dot.classList.toggle("on", point.k === k && point.i === i);
    const [x, y] = [view.xs[k][i], view.ys[k][i]];
    this.place(this.x(x), this.y(y), view.names?.[k] ?? data.names[k], `${view.xLabel} ${words(x)}, ${view.y} ${words(y)}`);
    this.shown = [k, i];
  }

  hide() {
    super.hide();
    this.points?.forEach(({ dot }) => dot.classList.remove("on"));
  }
}

function swatch(number) {
  const drawing = svg("svg", { class: "swatch", viewBox: "0 0 26 10", "aria-hidden": "true" });
  drawing.append(svg("line", { class: number === undefined ? "" : `picked ${style(number)}`, x1: 0, x2: 26, y1: 5, y2: 5 }));
  return drawing;
}

// ---- tables -----------------------------------------------------------------------------------

const valueOf = (cell) => ("value" in cell.dataset ? (cell.dataset.value === "" ? NaN : Number(cell.dataset.value)) : cell.textContent.trim().toLowerCase());

function compare(a, b, down) {
  if (typeof a === "string") return (down ? -1 : 1) * a.localeCompare(b, "en", { numeric: true });
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b); // unknown last
  return (down ? -1 : 1) * (a - b);
}

function sortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    if (!("sort" in head.dataset)) return;
    const button = html("button", { type: "button" }, ...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const down = before ? before === "ascending" : head.dataset.sort === "down";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows].map((row) => [valueOf(row.cells[column]), row]);
      rows.sort(([a], [b]) => compare(a, b, down));
      table.tBodies[0].append(...rows.map(([, row]) => row));
    });
  });
}

function filterable(form, table) {
  const [text, level, count] = ["search", "level", "count"].map((name) => form.querySelector(`[data-role=${name}]`));
  const rows = [...table.tBodies[0].rows];
  const apply = () => {
    const wanted = text.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const fits = wanted.every((word) => row.dataset.words.includes(word)) && Number(row.dataset.level) >= Number(level.value);
      row.hidden = !fits;
      shown += fits;
    }
    count.textContent = `${shown} of ${rows.length} shown`;
  };
  text.addEventListener("input", apply);
  level.addEventListener("change", apply);
  apply();
}

// ---- the page ---------------------------------------------------------------------------------

const charts = [];
const boxes = [...document.querySelectorAll(".pick input")];

function mark(box) {
  box.parentElement.querySelector(".swatch")?.remove();
  box.parentElement.append(swatch(picked.get(Number(box.value))));
}

for (const box of boxes) {
  if (box.checked) pick(Number(box.value), true);
  mark(box);
  box.addEventListener("change", () => {
    pick(Number(box.value), box.checked);
    mark(box);
    charts.forEach((chart) => chart.draw());
  });
}
if (!boxes.length) (data.names ?? []).forEach((_, k) => pick(k, true));
document.querySelectorAll("table[data-sortable]").forEach(sortable);
document.querySelectorAll("[data-filters]").forEach((form) => filterable(form, document.getElementById(form.dataset.filters)));
document.querySelectorAll("figure[data-chart]").forEach((figure) => charts.push(new (figure.dataset.kind === "points" ? Scatter : Chart)(figure)));
