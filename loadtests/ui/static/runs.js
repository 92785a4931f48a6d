// The table of runs, newest last, so that a comparison reads from top to bottom; stages stand below their run.

import { element, figure } from "./chart.js";

function loadOf(run) {
  const offered = run.offeredMsgS === null ? "" : `, ${figure(run.offeredMsgS)} msg/s offered`;
  return `${run.shape}, ${run.loop} loop, ${run.producers} × ${figure(run.measuredS)} s, batch ${run.batch}${offered}`;
}

const COLUMNS = [
  ["run", (run) => (run.stage ? `${run.run}: ${run.stage}` : `${run.run}`)],
  ["pool", (run) => figure(run.pool)],
  ["strategy", (run) => run.strategy ?? "-"],
  ["load", loadOf],
  ["msg/s", (run) => figure(run.acknowledgedMsgS)],
  ["p50 ms", (run) => figure(run.serviceP50Ms)],
  ["p99 ms", (run) => figure(run.serviceP99Ms)],
  ["p99 ms intended", (run) => figure(run.responseP99Ms)],
  ["lag p50 / p99 ms", (run) => (run.lagP99Ms === null ? "-" : `${figure(run.lagP50Ms)} / ${figure(run.lagP99Ms)}`)],
  ["mean wait ms", (run) => figure(run.poolWaitMeanMs)],
  ["time-outs", (run) => figure(run.poolTimeouts)],
  [
    "refused / unknown / missed / held",
    (run) => [run.refused, run.unknown, run.missed, run.held].map(figure).join(" / "),
  ],
  ["generator", (run) => `${run.generatorCpu === null ? "-" : `${figure(100 * run.generatorCpu)} % CPU`}, ${ceilingOf(run)}`],
  ["accounted for", (run) => run.accounted],
  ["again, with / without a reason", (run) => run.redelivered || "-"],
  ["remarks", (run) => run.remarks.join("; ") || (run.stage ? "" : "none")],
  ["files", (run) => (run.stage ? "" : run.directory)],
];
const WORDS = ["accounted for", "generator", "remarks", "files", "load", "strategy"];
const LONG = ["remarks", "files"]; // may be broken anywhere

function ceilingOf(run) {
  if (run.generatorCeilingMsgS === null) return "ceiling not known";
  return `${figure(100 * run.generatorShare)} % of its ceiling of ${figure(run.generatorCeilingMsgS)} msg/s`;
}

function cell(name, title, text, bad) {
  const kinds = [WORDS.includes(title) && "words", LONG.includes(title) && "long", bad && "bad"].filter(Boolean);
  const attributes = name === "td" ? { "data-title": title } : {};
  return element(name, kinds.length ? { ...attributes, class: kinds.join(" ") } : attributes, text);
}

export function showRuns(table, runs) {
  const head = element("tr", {}, ...COLUMNS.map(([title]) => cell("th", title, title, false)));
  const rows = runs.map((run) =>
    element(
      "tr",
      run.stage ? { class: "stage" } : {},
      ...COLUMNS.map(([title, text]) =>
        cell("td", title, text(run), title === "accounted for" && run.accountedHolds === false),
      ),
    ),
  );
  table.replaceChildren(...(rows.length ? [element("thead", {}, head), element("tbody", {}, ...rows)] : []));
}
