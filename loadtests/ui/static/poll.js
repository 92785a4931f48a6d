// Asks for what the page shows once a second, while the page can be seen.

const POLL_MS = 1000;

export function poll(wanted, show, fail) {
  async function turn() {
    if (!document.hidden && wanted()) {
      try {
        const response = await fetch("queen/live");
        if (!response.ok) throw new Error(response.statusText);
        show(await response.json());
      } catch (error) {
        fail(error);
      }
    }
    setTimeout(turn, POLL_MS);
  }
  turn();
}
