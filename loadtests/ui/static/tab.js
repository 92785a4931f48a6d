// On Locust's own page: the charts of the page below the table of the tab "Queen pool", while that is open.
// Locust draws its page by itself and may take away what is not its own, so the place is looked up each time.

import { drawPanels, element, showAlarm } from "./chart.js";
import { poll } from "./poll.js";

const PLACE = "queen-tab";

function isOpen() {
  return new URLSearchParams(window.location.search).get("tab") === "queen";
}

function place() {
  const found = document.getElementById(PLACE);
  if (found) return found;
  const tabs = document.querySelector("[role=tablist]");
  if (!tabs) return null; // no run yet: Locust shows its form
  const made = element("div", { id: PLACE });
  (tabs.closest(".MuiContainer-root") ?? document.body).append(made);
  return made;
}

// Locust has a switch of its own for light and dark: its ground tells which it is.
function scheme() {
  const [red, green, blue, opacity] = getComputedStyle(document.body).backgroundColor.match(/[\d.]+/g).map(Number);
  return opacity !== 0 && red + green + blue < 384 ? "dark" : "light";
}

function show(view) {
  const charts = isOpen() ? place() : null;
  if (!charts) return;
  charts.style.colorScheme = scheme();
  drawPanels(charts, view);
  const alarm = element("p", { class: "queen-alarm", role: "alert" });
  showAlarm(alarm, view);
  if (!alarm.hidden) charts.prepend(alarm);
}

document.head.append(
  element("link", { rel: "stylesheet", href: "queen/static/tab.css" }),
);
setInterval(() => {
  const charts = document.getElementById(PLACE);
  if (charts) charts.hidden = !isOpen();
}, 200);
poll(isOpen, show, () => {});
