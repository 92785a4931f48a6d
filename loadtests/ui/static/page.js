// The page: tiles, the form for the pool, the account of messages, charts, runs.

import { drawPanels, element, figure, showAlarm } from "./chart.js";
import { poll } from "./poll.js";
import { showRuns } from "./runs.js";

const RUN_ON = ["spawning", "running", "stopping", "cleanup"];
let changing = false;
let shownPool = null;

function byId(id) {
  return document.getElementById(id);
}

function latest(view, key, number) {
  return view.panels.find((panel) => panel.key === key)?.lines[number].values.at(-1) ?? null;
}

function showTiles(view) {
  const limit = view.panels.find((panel) => panel.key === "pool")?.limit.at(-1) ?? null;
  byId("tile-open").textContent = figure(latest(view, "pool", 0));
  byId("tile-limit").textContent = limit === null ? "connections" : `limit ${figure(limit)}`;
  byId("tile-idle").textContent = figure(latest(view, "pool", 1));
  byId("tile-waiting").textContent = figure(latest(view, "waiting", 0));
  byId("tile-boarding").textContent = figure(latest(view, "waiting", 1));
  byId("tile-wait").textContent = figure(latest(view, "wait", 2));
  byId("tile-boarding-wait").textContent = figure(latest(view, "boarding", 2));
  const timeouts = latest(view, "timeouts", 0); // what timed out did so in one of the two waits
  byId("tile-timeouts").textContent = figure(timeouts === null ? null : timeouts + (latest(view, "timeouts", 1) ?? 0));
  byId("tile-pushed").textContent = figure(latest(view, "pushed", 0));
}

function showForm(view) {
  const { pool, most, restarting, why } = view.poolForm;
  const runOn = RUN_ON.includes(view.state);
  const size = byId("pool-size");
  if (pool !== shownPool && document.activeElement !== size) {
    size.value = pool ?? "";
    shownPool = pool;
  }
  if (most !== null) size.max = most;
  size.disabled = why !== "";
  byId("pool-change").disabled = why !== "" || runOn || restarting || changing;
  if (changing || restarting) say("The server is being started anew…", false);
  else if (why) say(why, false);
  else if (runOn) say(`A run is on. Between runs the pool can be changed, up to ${most} connections.`, false);
  else if (!byId("pool-text").dataset.outcome) say(`Up to ${most} connections.`, false);
}

function say(text, bad, outcome = "") {
  const line = byId("pool-text");
  line.textContent = text;
  line.classList.toggle("bad", bad);
  line.dataset.outcome = outcome;
}

function showAccount(view) {
  for (const part of document.querySelectorAll("[data-account]")) {
    part.textContent = figure(view.account?.[part.dataset.account]);
  }
  byId("under-way").textContent = figure(latest(view, "in_flight", 0));
  const runOn = RUN_ON.includes(view.state);
  const run = view.runs.findLast((each) => !each.stage);
  byId("account-verdict").textContent = runOn ? "after the run" : (run?.accounted ?? "-");
}

function showWarnings(view) {
  byId("failure").hidden = view.failure === "";
  byId("failure").textContent = view.failure;
  showAlarm(byId("alarm"), view);
  byId("warnings").hidden = view.warnings.length === 0;
  byId("warnings").lastElementChild.replaceChildren(...view.warnings.map((text) => element("li", {}, text)));
}

// Until the parent has looked, nothing is known of the latest run's messages, which is no finding.
function whileLookedInto(view) {
  const latest = view.runs.findLast((run) => !run.stage);
  const runs = view.runs.map((run) => (run === latest ? { ...run, accounted: "being looked up in the table" } : run));
  return view.lookedInto ? { ...view, runs } : view;
}

function show(told) {
  const view = whileLookedInto(told);
  byId("lost").hidden = true;
  byId("host").textContent = view.host || "no host yet";
  byId("state").textContent = view.state;
  byId("state").dataset.state = view.state;
  showWarnings(view);
  showTiles(view);
  showForm(view);
  showAccount(view);
  drawPanels(byId("panels"), view);
  showRuns(byId("runs"), view.runs);
  byId("no-runs").hidden = view.runs.length > 0;
}

async function changePool(event) {
  event.preventDefault();
  const body = new URLSearchParams({ pool: byId("pool-size").value });
  changing = true;
  byId("pool-change").disabled = true;
  say("The server is being started anew…", false);
  try {
    const response = await fetch("queen/pool", { method: "POST", body });
    const text = response.headers.get("Content-Type")?.startsWith("application/json")
      ? (await response.json()).text
      : await response.text();
    say(text, !response.ok, response.ok ? "done" : "failed");
  } catch {
    say("Locust does not answer.", true, "failed");
  }
  changing = false;
}

byId("pool-form").addEventListener("submit", changePool);
poll(
  () => true,
  show,
  () => {
    byId("lost").hidden = false;
  },
);
