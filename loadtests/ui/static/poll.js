// Asks for what the page shows once a second, while the page can be seen, and keeps what is drawn: each answer
// brings only the points that are new. Numbers of points rise for ever; those below `oldest` are of another target.

const POLL_MS = 1000;
const KEPT_S = 300;

let points = []; // [number, seconds on the clock of the load, values]

function keep(view) {
  const known = points.at(-1)?.[0] ?? 0;
  points = points.filter(([number]) => number >= view.oldest);
  points.push(...view.points.filter(([number]) => number > known));
  const now = points.at(-1)[1];
  points = points.filter(([, second]) => now - second <= KEPT_S);
  return now;
}

// Each panel with the values of its lines and of its limit, which stand one after the other in a point.
function withValues(panels) {
  let place = 0;
  const next = () => {
    const taken = place++;
    return points.map(([, , values]) => values[taken]);
  };
  return panels.map((panel) => {
    const lines = panel.lines.map((name) => ({ name, values: next() }));
    const limit = panel.hasLimit ? next() : [];
    const available = lines.some((line) => line.values.some((value) => value !== null));
    return { ...panel, lines, limit, available };
  });
}

async function ask() {
  const response = await fetch(`queen/live?after=${points.at(-1)?.[0] ?? 0}`);
  if (!response.ok) throw new Error(response.statusText);
  const view = await response.json();
  const now = keep(view);
  return { ...view, panels: withValues(view.panels), agesS: points.map(([, second]) => now - second) };
}

export function poll(wanted, show, fail) {
  async function turn() {
    if (!document.hidden && wanted()) {
      try {
        show(await ask());
      } catch (error) {
        fail(error);
      }
    }
    setTimeout(turn, POLL_MS);
  }
  turn();
}
