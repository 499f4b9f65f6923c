// Draws what the servers have said as the dashboard's JSON asks: its grid, kinds of panels, units, colours and words.
"use strict";

const GRID = { columns: 24, row: 30, gap: 8 };
const COLOURS = {
  green: "#56a64b", red: "#e02f44", orange: "#f2820d", blue: "#3274d9", purple: "#8f4fc9", text: "#d5d6dc",
};
const PALETTE = ["#73bf69", "#f2cc0c", "#8ab8ff", "#ff9830", "#f2495c", "#5794f2", "#b877d9", "#37872d", "#ca95e5", "#c0d8ff"];

const FIRST = ["instance", "job"]; // columns of a table, the last one first

const make = (name, parent, properties = {}) => parent.appendChild(Object.assign(document.createElement(name), properties));
const clock = (seconds) => new Date(seconds * 1000).toTimeString().slice(0, 8);
const rounded = (value, places) => Number(value.toFixed(places)).toString();

function duration(seconds) {
  const days = Math.floor(seconds / 86400);
  const parts = [[days, "d"], [Math.floor(seconds / 3600) % 24, "h"], [Math.floor(seconds / 60) % 60, "min"], [Math.floor(seconds) % 60, "s"]];
  const first = parts.findIndex(([number]) => number > 0);
  return first < 0 ? "0 s" : parts.slice(first, first + 2).map(([number, unit]) => `${number} ${unit}`).join(" ");
}

function seconds(value) {
  if (value === 0) return "0 s";
  if (Math.abs(value) < 1) return `${rounded(value * 1000, value < 0.01 ? 1 : 0)} ms`;
  return value < 120 ? `${rounded(value, 1)} s` : duration(value);
}

function bytes(value) {
  return value < 2 ** 30 ? `${rounded(value / 2 ** 20, 0)} MiB` : `${rounded(value / 2 ** 30, 1)} GiB`;
}

const UNITS = {
  none: (value, places) => rounded(value, places ?? 2),
  short: (value, places) => value.toLocaleString("en", { maximumFractionDigits: places ?? 2 }),
  percentunit: (value, places) => `${rounded(value * 100, places ?? 1)} %`,
  s: seconds,
  dtdurations: duration,
  dateTimeAsLocal: (value) => new Date(value).toLocaleString("sv").slice(0, 16),
  reqps: (value) => `${rounded(value, 2)} req/s`,
  ops: (value) => `${rounded(value, 2)} /s`,
  cpm: (value) => `${rounded(value, 1)} /min`,
  bytes,
};

function shown(value, defaults) {
  const words = wordsFor(value, defaults);
  return words ? words.text : UNITS[defaults.unit](value, defaults.decimals);
}

function wordsFor(value, defaults) {
  return (defaults.mappings ?? []).map((mapping) => mapping.options[String(value)]).find(Boolean);
}

function colourFor(value, defaults) {
  const words = wordsFor(value, defaults);
  if (words) return COLOURS[words.color];
  const passed = defaults.thresholds.steps.filter((step) => step.value === null || value >= step.value);
  return COLOURS[passed.at(-1).color];
}

const last = (series) => series.points.at(-1)[1];
const flat = (answers) => answers.flat();

function drawStat(place, panel, answers, section) {
  const { defaults } = panel.fieldConfig;
  const [series] = flat(answers);
  const value = last(series);
  const text = shown(value, defaults);
  const colour = colourFor(value, defaults);
  const width = place.clientWidth;
  const size = Math.min(place.clientHeight * 0.55, (width / text.length) * 1.3, 46);
  place.className = "stat";
  make("div", place, { textContent: text }).style.cssText = `font-size:${size}px;color:${panel.options.colorMode === "background" ? "#fff" : colour}`;
  if (panel.options.colorMode === "background") {
    section.classList.add("full");
    section.style.background = colour === COLOURS.text ? "#2a2d34" : colour;
  }
}

function drawBars(place, panel, answers) {
  const { defaults } = panel.fieldConfig;
  const all = flat(answers);
  const most = defaults.max ?? Math.max(1, ...all.map(last));
  for (const series of all) {
    const bar = make("div", place, { className: "bar" });
    bar.style.height = `${100 / all.length}%`;
    bar.style.maxHeight = "44px";
    make("span", bar, { textContent: series.name });
    const colour = colourFor(last(series), defaults);
    make("i", make("i", bar)).style.cssText = `width:${Math.max(1, (100 * last(series)) / most)}%;background:${colour}`;
    make("b", bar, { textContent: shown(last(series), defaults) }).style.color = colour;
  }
}

function drawStates(place, panel, answers) {
  const { defaults } = panel.fieldConfig;
  place.className = "states";
  const span = told.until - told.since;
  for (const series of flat(answers)) {
    const row = make("div", place, { className: "state" });
    make("span", row, { textContent: series.name });
    const line = make("i", row);
    const step = series.points.length > 1 ? Math.min(...series.points.slice(1).map((point, index) => point[0] - series.points[index][0])) : 10;
    for (const [time, value] of series.points) {
      const left = (100 * (time - told.since)) / span;
      make("i", line).style.cssText = `left:${Math.max(0, left)}%;width:${Math.min(100 - left, (100 * step) / span + 0.1)}%;background:${colourFor(value, defaults)}`;
    }
  }
  const ticks = make("div", place, { className: "ticks" });
  for (let part = 0; part <= 4; part += 1) make("span", ticks, { textContent: clock(told.since + (span * part) / 4).slice(0, 5) });
}

function aligned(all) {
  const times = [...new Set(all.flatMap((series) => series.points.map(([time]) => time)))].sort((a, b) => a - b);
  const columns = all.map((series) => {
    const values = new Map(series.points);
    return times.map((time) => (Number.isFinite(values.get(time)) ? values.get(time) : null));
  });
  return [times, ...columns];
}

function drawGraph(place, panel, answers) {
  const { defaults } = panel.fieldConfig;
  const all = flat(answers).sort((a, b) => Math.max(...b.points.map((p) => p[1])) - Math.max(...a.points.map((p) => p[1]))).slice(0, 12);
  place.className = "graph";
  const chart = make("div", place, { className: "chart" });
  const legend = make("div", place, { className: "legend" });
  all.forEach((series, index) => {
    const entry = make("span", legend);
    make("i", entry).style.background = PALETTE[index % PALETTE.length];
    entry.append(`${series.name || panel.title}  ${shown(last(series), defaults)}`);
  });
  const values = all.flatMap((series) => series.points.map(([, value]) => value)).filter(Number.isFinite);
  const top = defaults.max ?? Math.max(...values, 0) * 1.08;
  const limits = defaults.thresholds.steps.filter((step) => step.value !== null && step.value <= Math.max(top, 1e-9));
  new uPlot({
    width: chart.clientWidth,
    height: chart.clientHeight,
    cursor: { show: false },
    scales: { x: { min: told.since, max: told.until, time: true }, y: { range: [0, top || 1] } },
    axes: [
      { stroke: "#8a8e99", grid: { stroke: "#25282f" }, ticks: { show: false }, font: "11px sans-serif", size: 24, space: 60, incrs: [60, 120, 300, 600, 900, 1800, 3600, 7200], values: (_, ticks) => ticks.map((tick) => clock(tick).slice(0, 5)) },
      { stroke: "#8a8e99", grid: { stroke: "#25282f" }, ticks: { show: false }, font: "11px sans-serif", size: 62, space: 34, values: (_, ticks) => ticks.map((tick) => UNITS[defaults.unit](tick, 2)) },
    ],
    series: [{}, ...all.map((series, index) => ({
      stroke: PALETTE[index % PALETTE.length], fill: `${PALETTE[index % PALETTE.length]}14`, width: 1.6,
      points: { show: series.points.length < 2 }, paths: uPlot.paths.stepped({ align: 1 }), spanGaps: false,
    }))],
    hooks: { draw: [(plot) => { drawLimits(plot, limits); drawMarks(plot); }] },
  }, aligned(all), chart);
}

function stroke(plot, colour, dash, from, to) {
  const { ctx } = plot;
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.setLineDash(dash);
  ctx.beginPath();
  ctx.moveTo(...from);
  ctx.lineTo(...to);
  ctx.stroke();
  ctx.restore();
}

function drawLimits(plot, limits) {
  const { left, width } = plot.bbox;
  for (const limit of limits) {
    const y = plot.valToPos(limit.value, "y", true);
    stroke(plot, COLOURS[limit.color], [8, 6], [left, y], [left + width, y]);
  }
}

function drawMarks(plot) {
  const { top, height } = plot.bbox;
  for (const mark of told.marks) {
    for (const time of mark.times.filter((each) => each >= told.since)) {
      const x = plot.valToPos(time, "x", true);
      stroke(plot, `${COLOURS[mark.colour]}99`, [3, 4], [x, top], [x, top + height]);
    }
  }
}

function drawTable(place, panel, answers) {
  const { defaults } = panel.fieldConfig;
  const rows = flat(answers);
  const name = panel.transformations[0].options.renameByName.Value;
  const labels = [...new Set(rows.flatMap((row) => Object.keys(row.labels)))].filter((label) => label !== "__name__").sort((a, b) => FIRST.indexOf(b) - FIRST.indexOf(a));
  const table = make("table", place);
  const head = make("tr", table);
  [...labels, name].forEach((text) => make("th", head, { textContent: text }));
  for (const row of rows) {
    const line = make("tr", table);
    labels.forEach((label) => make("td", line, { textContent: row.labels[label] ?? "" }));
    make("td", line, { textContent: shown(last(row), defaults) }).style.color = colourFor(last(row), defaults);
  }
}

function drawTraces(place, panel, answers) {
  const table = make("table", place);
  const head = make("tr", table);
  ["Start", "Service", "Action", "Time", "Trace"].forEach((text) => make("th", head, { textContent: text }));
  for (const trace of flat(answers).sort((a, b) => b.startTimeUnixNano - a.startTimeUnixNano)) {
    const line = make("tr", table);
    const cells = [clock(trace.startTimeUnixNano / 1e9), trace.rootServiceName, trace.rootTraceName, `${trace.durationMs ?? 0} ms`, trace.traceID];
    cells.forEach((text) => make("td", line, { textContent: text }));
  }
}

function drawLines(place, panel, answers) {
  for (const line of flat(answers).sort((a, b) => b.time - a.time).slice(0, 40)) {
    const row = make("div", place, { className: "line" });
    if (line.level === "error") row.style.borderColor = COLOURS.red;
    if (line.level === "warning") row.style.borderColor = COLOURS.orange;
    make("time", row, { textContent: clock(line.time) });
    row.append(line.line.replace(/\s+/g, " "));
  }
}

const DRAW = { stat: drawStat, bargauge: drawBars, "state-timeline": drawStates, timeseries: drawGraph, table: drawTable, logs: drawLines };

function drawPanel(main, panel, answers) {
  const { x, y, w, h } = panel.gridPos;
  const unit = (main.clientWidth + GRID.gap) / GRID.columns;
  const row = GRID.row + GRID.gap;
  const section = make("section", main, { title: panel.description });
  section.style.cssText = `left:${x * unit}px;top:${y * row}px;width:${w * unit - GRID.gap}px;height:${h * row - GRID.gap}px`;
  make("h2", section, { textContent: panel.title });
  const place = make("div", section);
  const kept = answers.map((answer) => answer.filter((each) => !each.points || each.points.some(([, value]) => Number.isFinite(value))));
  if (!flat(kept).length) {
    place.className = "empty";
    place.textContent = panel.fieldConfig.defaults.noValue || "No data";
    return;
  }
  const traces = panel.targets.every((target) => target.datasource.type === "tempo");
  (traces ? drawTraces : DRAW[panel.type])(place, panel, kept, section);
}

function drawAll() {
  const page = told.document;
  const header = document.querySelector("header");
  const nav = make("nav", header);
  page.links.forEach((link) => make("a", nav, { textContent: link.title, href: `${link.url.replace("/d/", "")}.html` }));
  make("h1", header, { textContent: page.title });
  make("span", header, { textContent: page.description });
  const choices = page.templating.list.filter((variable) => variable.type === "query");
  choices.forEach((variable) => make("b", header, { textContent: `${variable.label}: ${told.variables[variable.name]}` }));
  const main = document.querySelector("main");
  page.panels.forEach((panel, index) => drawPanel(main, panel, told.answers[index]));
  const rows = Math.max(...page.panels.map((panel) => panel.gridPos.y + panel.gridPos.h));
  main.style.height = `${rows * (GRID.row + GRID.gap)}px`;
  document.body.dataset.drawn = "yes";
}

drawAll();
