"use strict";
const told = JSON.parse(document.getElementById("data").textContent);
const S = told.stages, NS = "http://www.w3.org/2000/svg";
const COLOURS = ["#3b6fd4", "#d1603d", "#3f9c6b", "#8d5bc1", "#b58b22", "#6b7280", "#c14d7a", "#2f9aa8"];
const tip = document.getElementById("tip");

function make(tag, attributes, parent, words) {
  const node = tag === "svg" || SVG.has(tag) ? document.createElementNS(NS, tag) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
  if (words !== undefined) node.textContent = words;
  if (parent) parent.append(node);
  return node;
}
const SVG = new Set(["g", "path", "circle", "rect", "line", "text"]);
const show = (node, words) => {
  node.addEventListener("pointermove", (e) => {
    tip.textContent = words; tip.style.display = "block";
    tip.style.left = e.clientX + 12 + "px"; tip.style.top = e.clientY + 12 + "px";
  });
  node.addEventListener("pointerleave", () => { tip.style.display = "none"; });
};
const f = (v) => (v === null || v === undefined ? "none" : typeof v === "number" ? (Number.isInteger(v) ? String(v) : v.toFixed(3)) : String(v));
const hue = (t) => `hsl(${250 - 230 * t} 65% 52%)`;

function frame(holder, caption, xs, ys, x, y, wide = 400, high = 240) {
  const figure = make("figure", {}, holder), pad = { l: 46, r: 12, t: 10, b: 34 };
  const svg = make("svg", { width: wide, height: high, role: "img", "aria-label": caption }, figure);
  make("figcaption", {}, figure, caption);
  const span = (v) => { const a = Math.min(...v), b = Math.max(...v); return a === b ? [a - 1, b + 1] : [a, b]; };
  const [x0, x1] = span(xs), [y0, y1] = span(ys);
  const X = (v) => pad.l + ((v - x0) / (x1 - x0)) * (wide - pad.l - pad.r);
  const Y = (v) => high - pad.b - ((v - y0) / (y1 - y0)) * (high - pad.t - pad.b);
  make("path", { class: "axis", d: `M${pad.l},${pad.t}V${high - pad.b}H${wide - pad.r}` }, svg);
  for (const t of [0, 0.5, 1]) {
    make("text", { x: X(x0 + t * (x1 - x0)), y: high - pad.b + 13, "text-anchor": "middle" }, svg, f(+(x0 + t * (x1 - x0)).toPrecision(3)));
    make("text", { x: pad.l - 4, y: Y(y0 + t * (y1 - y0)) + 4, "text-anchor": "end" }, svg, f(+(y0 + t * (y1 - y0)).toPrecision(3)));
  }
  make("text", { x: (wide + pad.l) / 2, y: high - 4, "text-anchor": "middle" }, svg, x);
  make("text", { x: 10, y: high / 2, "text-anchor": "middle", transform: `rotate(-90 10 ${high / 2})` }, svg, y);
  return { svg, X, Y, figure };
}

function lines(holder, caption, series, x, y) {
  const all = Object.values(series).flat().filter((p) => p[1] !== null);
  if (!all.length) return;
  const { svg, X, Y, figure } = frame(holder, caption, all.map((p) => p[0]), [0, ...all.map((p) => p[1])], x, y);
  const legend = make("div", { class: "dim" }, figure);
  Object.entries(series).forEach(([name, points], n) => {
    const good = points.filter((p) => p[1] !== null), colour = COLOURS[n % COLOURS.length];
    const line = make("path", { d: "M" + good.map((p) => `${X(p[0])},${Y(p[1])}`).join("L"), fill: "none", stroke: colour, "stroke-width": 2, "stroke-dasharray": /control|shuffled|random|walk|theory/.test(name) ? "4 3" : "" }, svg);
    for (const p of good) show(make("circle", { cx: X(p[0]), cy: Y(p[1]), r: 4, fill: colour }, svg), `${name}: ${f(p[0])}, ${f(p[1])}`);
    const key = make("label", { style: `color:${colour};margin-right:.8rem;cursor:pointer` }, legend);
    const box = make("input", { type: "checkbox", checked: "" }, key);
    key.append(" " + name);
    box.addEventListener("change", () => { line.style.display = box.checked ? "" : "none"; });
  });
}

function heat(holder, caption, matrix, names) {
  if (!matrix || !matrix.length) return;
  const size = Math.max(4, Math.floor(260 / Math.max(matrix.length, matrix[0].length)));
  const figure = make("figure", {}, holder);
  const svg = make("svg", { width: size * matrix[0].length, height: size * matrix.length, role: "img", "aria-label": caption }, figure);
  make("figcaption", {}, figure, caption);
  const most = Math.max(...matrix.flat().map(Math.abs)) || 1;
  matrix.forEach((row, i) => row.forEach((v, j) => {
    const t = v / most, colour = t >= 0 ? `rgb(${255 - 190 * t},${255 - 140 * t},255)` : `rgb(255,${255 + 150 * t},${255 + 190 * t})`;
    show(make("rect", { x: j * size, y: i * size, width: size, height: size, fill: colour }, svg), `${names ? f(names[i]) + ", " + f(names[j]) : i + ", " + j}: ${f(v)}`);
  }));
}

function bars(holder, caption, rows) {
  const high = 16 * rows.length + 20, wide = 430, figure = make("figure", {}, holder);
  const svg = make("svg", { width: wide, height: high, role: "img", "aria-label": caption }, figure);
  make("figcaption", {}, figure, caption);
  const low = Math.min(0, ...rows.map((r) => r.low ?? r.value)), top = Math.max(0, ...rows.map((r) => r.high ?? r.value)) || 1;
  const X = (v) => 120 + ((v - low) / (top - low)) * (wide - 140);
  rows.forEach((r, n) => {
    const y = 16 * n + 4;
    make("text", { x: 114, y: y + 10, "text-anchor": "end" }, svg, r.name);
    show(make("rect", { x: Math.min(X(0), X(r.value)), y, width: Math.abs(X(r.value) - X(0)) + 1, height: 11, fill: r.control ? "#9aa3b2" : COLOURS[0] }, svg), `${r.name}: ${f(r.value)}${r.low === undefined ? "" : ` (${f(r.low)} to ${f(r.high)})`}`);
    if (r.low !== undefined) make("line", { x1: X(r.low), x2: X(r.high), y1: y + 6, y2: y + 6, stroke: "currentColor" }, svg);
  });
}

function curve(holder, g) {
  const figure = make("figure", {}, holder), size = 300;
  const controls = make("div", {}, figure);
  const pick = (chosen) => { const s = make("select", {}, controls); for (let n = 0; n < g.points[0].length; n++) { const o = make("option", { value: n }, s, `component ${n + 1}`); if (n === chosen) o.selected = true; } return s; };
  const a = pick(0), b = pick(1), what = make("select", {}, controls);
  make("option", { value: "points" }, what, "the count"); make("option", { value: "walk points" }, what, "a random walk");
  const svg = make("svg", { width: size, height: size, role: "img", "aria-label": "mean curve" }, figure);
  make("figcaption", {}, figure, `Mean hidden states at ${g.site} by characters since the newline (n = ${samples(g)} tokens). A random walk looks like one, too.`);
  const draw = () => {
    svg.replaceChildren();
    const p = g[what.value].map((row) => [row[+a.value], row[+b.value]]);
    const most = Math.max(...p.flat().map(Math.abs)) || 1, at = (v) => size / 2 + (v / most) * (size / 2 - 14);
    make("path", { d: "M" + p.map((q) => `${at(q[0])},${at(-q[1])}`).join("L"), class: "axis" }, svg);
    p.forEach((q, n) => show(make("circle", { cx: at(q[0]), cy: at(-q[1]), r: 5, fill: hue(n / p.length) }, svg), `count ${g.bins[n]}`));
  };
  for (const s of [a, b, what]) s.addEventListener("change", draw);
  draw();
}
const samples = (g) => g.rows.find((r) => r.site === g.site && r.curve === "count").samples;
const layer = (site) => (site === "embed" ? -1 : +site.split(".")[1]);

function section(name, title, draw) {
  const s = S[name];
  if (!s) return;
  const main = document.getElementById("main");
  make("h2", {}, main, title);
  if (s.fault) { make("p", { class: "dim" }, main, "not measured: " + s.fault); return; }
  draw(s, make("div", { class: "plots" }, main));
}

for (const line of told.summary) make("li", {}, document.getElementById("summary"), line.replace(/^- |\*\*/g, ""));
section("behaviour", "Does it break lines?", (s, at) => {
  lines(at, `Newline mass at true breaks, by line (n = ${s.rows.reduce((a, r) => a + r.breaks, 0)} breaks from line 3 on)`, Object.fromEntries(s.rows.map((r) => [`width ${r.width}`, r.lines.map((v, n) => [n, v])])), "line", "P(newline)");
  bars(at, "Mean newline mass at breaks, and elsewhere (grey)", s.rows.flatMap((r) => [{ name: `width ${r.width}`, value: r.at_breaks }, { name: "elsewhere", value: r.elsewhere, control: true }]));
});
section("probe", "What do linear probes know?", (s, at) => {
  for (const target of ["count", "remaining", "width"]) {
    const rows = s.rows.filter((r) => r.target === target && !r.site.startsWith("heads"));
    lines(at, `${target}: R² on held-out documents (n = ${s.tokens} tokens of ${s.documents} documents)`, { raw: rows.map((r) => [layer(r.site), r.raw]), "beyond controls": rows.map((r) => [layer(r.site), Math.max(-0.2, r.beyond)]), "controls alone": rows.map((r) => [layer(r.site), r.control]) }, "layer (-1: embedding)", "R²");
  }
});
section("geometry", "The count's curve", (s, at) => {
  curve(at, s);
  const of = (name) => s.rows.filter((r) => r.curve === name).map((r) => [layer(r.site), r.reliability]);
  lines(at, "Do halves of the documents agree? Split-half reliability of the mean curve", { count: of("count"), "beyond nuisances": of("beyond"), "shuffled labels": of("shuffled") }, "layer (-1: embedding)", "reliability");
  lines(at, "Share of variance by component (raw)", { count: s.spectrum.map((v, n) => [n + 1, v]), "random walk": s.walk.map((v, n) => [n + 1, v]) }, "component", "share");
  lines(at, "Cosine by distance along the curve: ringing", { count: s.profile.map((v, n) => [n, v]), "theory (triangle, 5 components)": s.theory.slice(0, s.profile.length).map((v, n) => [n, v]), "random walk": s["walk profile"].map((v, n) => [n, v]) }, "bins apart", "cosine");
  heat(at, "Cosines between mean vectors, six components", s.cosine, s.bins);
});
section("heads", "Heads that compare and heads that count", (s, at) => {
  bars(at, `Boundary heads: match of counts with longer widths, above the median (grey: shuffled, 95th percentile; ${s.looked} heads)`, s.boundary.flatMap((b) => [{ name: `${b.layer}.${b.head} +${b.offset}`, value: b.peak }, { name: "shuffled", value: b.null, control: true }]));
  heat(at, "Clearest head: cosine of counts (rows) with widths in its key space", s.best);
  heat(at, "Another head, for comparison", s.random);
  lines(at, "Attention to the last newline, by tokens since it", Object.fromEntries(s.counting.slice(0, 6).map((c) => [`${c.site.replace("weights", "layer")} head ${c.head}`, c.attention.map((v, n) => [n, v])])), "tokens", "attention");
  for (const d of s.distributed) bars(at, `${d.site}: R² of the count beyond controls`, [...d.single.map((v, n) => ({ name: `head ${n}`, value: v })), { name: "all", value: d.all }]);
});
section("decision", "The break decision", (s, at) => bars(at, `AUC on ${s.tokens} ends of words at ${s.site}`, [{ name: "plane", value: s.auc }, { name: "left alone", value: s.alone }, { name: "shuffled", value: s.shuffled, control: true }]));
section("features", "A sparse dictionary", (s, at) => {
  heat(at, `Mean activation of the ${s.learned.curves.length} most active of ${s.features} features by count (n = ${s.tokens} tokens)`, s.learned.curves.map((r) => { const m = Math.max(...r) || 1; return r.map((v) => v / m); }));
  bars(at, "Learned and random (grey)", ["explained", "curve"].flatMap((k) => [{ name: k, value: s.learned[k] }, { name: k, value: s.random[k], control: true }]));
});
section("patch", "Taken away, and moved", (s, at) => {
  const a = s.ablation, mid = (v) => v.slice().sort((x, y) => x - y)[v.length >> 1];
  bars(at, `Rise of the loss without a subspace at ${s.site}, nats (${a.newlines} newlines, ${a.others} others)`, [{ name: "count, newline", value: a.count.newline }, { name: "count, other", value: a.count.other }, { name: "random, newline", value: mid(a.controls.map((c) => c.newline)), control: true }, { name: "random, other", value: mid(a.controls.map((c) => c.other)), control: true }]);
  lines(at, `Newline mass when the count is moved (mean of ${s.places} places)`, Object.fromEntries(s.sweeps.map((w) => [w.name, s.shifts.map((v, n) => [v, w.mass.reduce((t, r) => t + r[n], 0) / w.mass.length])])), "characters added", "P(newline)");
});
section("illusion", "Strings that disturb", (s, at) => {
  bars(at, `Change of the newline's log-odds against letter pairs, 95 % interval over ${s.lines} lines`, s.effects.map((e) => ({ name: e.string, value: e.change, low: e.low, high: e.high })));
  const { svg, X, Y } = frame(at, "Change of attention to the last newline against change of log-odds", s.effects.map((e) => e.attention), s.effects.map((e) => e.change), "attention", "log-odds");
  for (const e of s.effects) show(make("circle", { cx: X(e.attention), cy: Y(e.change), r: 4, fill: COLOURS[0] }, svg), `${e.string}: ${f(e.attention)}, ${f(e.change)}`);
});
