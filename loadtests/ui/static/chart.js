// Draws panels (loadtests/ui/panels.py) as SVG line charts. Knows no page.

const SPANS_S = [60, 120, 180, 300]; // of the time axis: the first that holds every reading
const SIZE = { width: 420, height: 180 };
const BOX = { left: 70, right: 412, top: 22, bottom: 152 }; // above it room for the limit's label
const COLOURS = 6; // --queen-c0 …
const DASHES = ["none", "7 3", "2 3"]; // a second mark beside the colour

function svg(name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

export function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// At most three digits that matter, thousands apart: 12,340 and 0.123 and 45.6.
export function figure(value) {
  if (value === null || value === undefined) return "-";
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

// Upper end of the axis: 1, 2 or 5 times a power of ten.
function niceCeiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999);
}

function xOf(ageS, spanS) {
  return BOX.right - ((BOX.right - BOX.left) * Math.min(ageS, spanS)) / spanS;
}

// A line that breaks where values are missing; a value alone is a dot. In steps: a value holds until the next.
function linePath(values, agesS, spanS, yOf, inSteps = false) {
  let path = "";
  let drawing = false;
  values.forEach((value, place) => {
    const shown = value !== null && agesS[place] <= spanS;
    if (shown) {
      const x = xOf(agesS[place], spanS).toFixed(1);
      const y = yOf(value).toFixed(1);
      if (!drawing) path += `M${x} ${y}h0`;
      else path += inSteps ? `H${x}V${y}` : `L${x} ${y}`;
    }
    drawing = shown;
  });
  return path;
}

function axes(most, spanS, yOf) {
  const parts = [];
  for (const share of [0, 0.5, 1]) {
    const y = yOf(most * share);
    parts.push(svg("line", { class: "grid", x1: BOX.left, x2: BOX.right, y1: y, y2: y }));
    parts.push(svg("text", { x: BOX.left - 8, y: y + 4, "text-anchor": "end" }, figure(most * share)));
  }
  for (const share of [1, 0.5, 0]) {
    const label = share === 0 ? "now" : `-${Math.round(share * spanS)} s`;
    const anchor = share === 0 ? "end" : share === 1 ? "start" : "middle";
    parts.push(svg("text", { x: xOf(share * spanS, spanS), y: BOX.bottom + 22, "text-anchor": anchor }, label));
  }
  return parts;
}

function limitLine(limit, agesS, spanS, yOf) {
  const line = svg("path", { class: "limit", d: linePath(limit, agesS, spanS, yOf, true) });
  const latest = limit.at(-1);
  if (latest === null) return [line];
  const label = { class: "limit-label", x: BOX.right - 4, y: yOf(latest) - 6, "text-anchor": "end" };
  return [line, svg("text", label, `limit ${figure(latest)}`)];
}

function chart(panel, agesS) {
  const limit = panel.limit;
  const spanS = SPANS_S.find((span) => span >= Math.max(0, ...agesS)) ?? SPANS_S.at(-1);
  const most = niceCeiling(Math.max(0, ...limit, ...panel.lines.flatMap((line) => line.values)));
  const yOf = (value) => BOX.bottom - ((BOX.bottom - BOX.top) * value) / most;
  const drawing = svg("svg", {
    viewBox: `0 0 ${SIZE.width} ${SIZE.height}`,
    role: "img",
    "aria-label": `${panel.title}, ${panel.unit}`,
  });
  drawing.append(...axes(most, spanS, yOf));
  if (limit.length) drawing.append(...limitLine(limit, agesS, spanS, yOf));
  panel.lines.forEach((line, number) => {
    const style = `stroke: var(--queen-c${number % COLOURS}); stroke-dasharray: ${DASHES[number % DASHES.length]}`;
    drawing.append(svg("path", { style, d: linePath(line.values, agesS, spanS, yOf) }));
  });
  return drawing;
}

function legend(panel) {
  const items = panel.lines.map((line, number) =>
    element(
      "li",
      { style: `--queen-series: var(--queen-c${number % COLOURS})` },
      `${line.name} `,
      element("b", {}, figure(line.values.at(-1))),
    ),
  );
  return element("ul", {}, ...items);
}

function figureOf(panel, agesS) {
  const unit = element("small", {}, panel.unit);
  const shown = element("figure", { class: "queen-panel", "data-panel": panel.key });
  shown.append(element("figcaption", {}, panel.title, unit));
  if (panel.available) shown.append(chart(panel, agesS), legend(panel));
  else shown.append(element("p", { class: "queen-missing" }, `not available: ${panel.why}`));
  return shown;
}

// That the run pushes in vain, and why. Written when it changes alone: it may be read aloud.
export function showAlarm(place, view) {
  const text = view.alarm && `This run is in vain just now: ${view.alarm}.`;
  place.hidden = !text;
  if (place.textContent !== text) place.textContent = text;
}

export function drawPanels(place, view) {
  place.replaceChildren(...view.panels.map((panel) => figureOf(panel, view.agesS)));
}
