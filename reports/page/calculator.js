// Connections needed = loans per second × hold time (Little's law), loans = pushes ÷ pushes of a loan; no network.
// The hold time is a measured one: of the smallest pool that carried the load, at the nearest round trip.
(() => {
  const form = document.getElementById("calculator");
  const buttons = [...form.querySelectorAll("button[data-measured]")];
  const field = (name) => form.elements[name];
  const value = (name) => Math.max(0, Number(field(name).value) || 0);
  const text = (id, shown) => { document.getElementById(id).textContent = shown; };
  const shown = (number) =>
    number.toLocaleString("en", { maximumSignificantDigits: number < 1000 ? 3 : 6 });
  const whole = (number) => Math.floor(number).toLocaleString("en");
  const best = (cells, cost) => cells.reduce((one, other) => (cost(other) < cost(one) ? other : one));
  let chosen = buttons[0];

  // The measured cell whose hold time is taken, and whether it carried the rate; null where nothing was measured.
  const near = (rate, rtt) => {
    const measured = JSON.parse(chosen.dataset.measured);
    if (measured.length === 0) return null;
    const { rtt_ms: nearest } = best(measured, (cell) => Math.abs(cell.rtt_ms - rtt));
    const cells = measured.filter((cell) => cell.rtt_ms === nearest);
    const carried = cells.filter((cell) => Math.floor(cell.pushes_per_s) >= rate);
    return carried.length > 0
      ? { cell: best(carried, (cell) => cell.pool), reached: true }
      : { cell: best(cells, (cell) => -cell.pushes_per_s), reached: false };
  };

  const told = (found) => {
    if (found === null) return "";
    const { cell, reached } = found;
    const place = `${chosen.textContent}, ${shown(cell.rtt_ms)} ms round trip`;
    const carried = `${whole(cell.pushes_per_s)}/s at pool ${cell.pool}, with a hold time of ${shown(cell.hold_ms)} ms`;
    return reached
      ? `Measured here (${place}): ${carried}.`
      : `Not reached here (${place}): at most ${carried}; at a higher load it is longer.`;
  };

  const update = () => {
    const rate = value("rate");
    const found = near(rate, value("rtt"));
    const given = value("hold");
    const work = field("work").value;
    let hold = value("rtt") * value("statements") + value("work");
    if (work === "" && found !== null) {
      hold = Math.max(0, found.cell.hold_ms + (value("rtt") - found.cell.rtt_ms) * value("statements"));
    }
    if (given > 0) hold = given;
    const each = value("each") || 1; // an empty field: every push borrows for itself
    const needed = rate / each * hold / 1000;
    const pool = Math.max(1, Math.ceil(needed / Number(form.dataset.utilisation)));
    text("hold-result", shown(hold));
    text("needed-result", shown(needed));
    text("pool-result", shown(pool));
    text("measured-result", told(found));
    for (const name of ["rtt", "statements", "work"]) field(name).toggleAttribute("disabled", given > 0);
  };

  const choose = (button) => {
    chosen = button;
    for (const name of ["rate", "rtt", "each", "statements", "work"]) field(name).value = button.dataset[name];
    field("hold").value = "";
    update();
  };

  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const button of buttons) button.addEventListener("click", () => choose(button));
  form.hidden = false;
  choose(buttons[0]);
})();
