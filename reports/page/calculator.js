// Connections needed = loans per second × hold time (Little's law), loans = pushes ÷ pushes of a loan; no network.
(() => {
  const form = document.getElementById("calculator");
  const field = (name) => form.elements[name];
  const value = (name) => Math.max(0, Number(field(name).value) || 0);
  const text = (id, shown) => { document.getElementById(id).textContent = shown; };
  const shown = (number) =>
    number.toLocaleString("en", { maximumSignificantDigits: number < 1000 ? 3 : 6 });

  const update = () => {
    const measured = value("hold");
    const hold = measured > 0 ? measured : value("rtt") * value("statements") + value("work");
    const each = value("each") || 1; // an empty field: every push borrows for itself
    const needed = value("rate") / each * hold / 1000;
    const pool = Math.max(1, Math.ceil(needed / Number(form.dataset.utilisation)));
    text("hold-result", shown(hold));
    text("needed-result", shown(needed));
    text("pool-result", shown(pool));
    const disabled = measured > 0;
    for (const name of ["rtt", "statements", "work"]) field(name).toggleAttribute("disabled", disabled);
  };

  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const button of form.querySelectorAll("button[data-statements]")) {
    button.addEventListener("click", () => {
      field("statements").value = button.dataset.statements;
      field("work").value = button.dataset.work;
      field("each").value = button.dataset.each;
      field("hold").value = "";
      update();
    });
  }
  form.hidden = false;
  update();
})();
