// Polls /queen/pool once a second while the page is visible and draws the readings as an SVG line chart.
"use strict";

const SERIES = ["total", "idle", "waiting"];
const SPANS_S = [60, 300]; // of the time axis: the first that holds every reading
const BOX = { left: 44, right: 890, top: 12, bottom: 268 };
const POLL_MS = 1000;

function byId(id) {
  return document.getElementById(id);
}

function svg(name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

// Upper end of the axis: 1, 2 or 5 times a power of ten, at least 5.
function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return Math.max(5, [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value));
}

function xOf(ageS, spanS) {
  return BOX.right - ((BOX.right - BOX.left) * Math.min(ageS, spanS)) / spanS;
}

// A line that breaks where readings are missing.
function linePath(readings, series, spanS, yOf) {
  let path = "";
  let drawing = false;
  for (const reading of readings) {
    const value = reading[series];
    if (value === null || reading.ageS > spanS) {
      drawing = false;
      continue;
    }
    path += `${drawing ? "L" : "M"}${xOf(reading.ageS, spanS).toFixed(1)} ${yOf(value).toFixed(1)}`;
    drawing = true;
  }
  return path;
}

function draw(readings) {
  const values = readings.flatMap((reading) => SERIES.map((series) => reading[series] ?? 0));
  const most = niceCeiling(Math.max(0, ...values));
  const oldestS = Math.max(0, ...readings.map((reading) => reading.ageS));
  const spanS = SPANS_S.find((span) => span >= oldestS) ?? SPANS_S.at(-1);
  const yOf = (value) => BOX.bottom - ((BOX.bottom - BOX.top) * value) / most;
  const parts = [];
  for (const share of [0, 0.5, 1]) {
    const y = yOf(most * share);
    parts.push(svg("line", { class: "grid", x1: BOX.left, x2: BOX.right, y1: y, y2: y }));
    parts.push(svg("text", { x: BOX.left - 8, y: y + 4, "text-anchor": "end" }, String(most * share)));
  }
  for (const share of [1, 0.8, 0.6, 0.4, 0.2, 0]) {
    const ageS = share * spanS;
    const label = ageS === 0 ? "now" : `-${Math.round(ageS)} s`;
    const anchor = ageS === 0 ? "end" : "middle";
    parts.push(svg("text", { x: xOf(ageS, spanS), y: BOX.bottom + 22, "text-anchor": anchor }, label));
  }
  for (const series of SERIES) {
    parts.push(svg("path", { class: series, d: linePath(readings, series, spanS, yOf) }));
  }
  byId("chart").replaceChildren(...parts);
}

function showWritten(directories) {
  if (directories.length === 0) return;
  const items = directories.map((directory) => {
    const item = document.createElement("li");
    item.textContent = directory;
    return item;
  });
  byId("written").replaceChildren(...items.reverse());
}

function show(state) {
  const latest = state.readings.at(-1);
  byId("host").textContent = state.host || "no host yet";
  byId("missing").hidden = state.available;
  for (const series of SERIES) byId(series).textContent = latest?.[series] ?? "-";
  draw(state.readings);
  showWritten(state.written);
}

async function poll() {
  if (!document.hidden) {
    try {
      const response = await fetch("queen/pool");
      if (response.ok) show(await response.json());
    } catch {
      byId("missing").hidden = false; // Locust itself has gone
    }
  }
  setTimeout(poll, POLL_MS);
}

poll();
