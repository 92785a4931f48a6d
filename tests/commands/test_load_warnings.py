"""What a headless load says against itself reaches the terminal while it runs."""

import asyncio
import re
from pathlib import Path

from loadtests.commands.load_warnings import passed_on
from tests.commands.test_load import DEADLINE_S, queen_load
from tests.load.fake_server import SeenRequest, fake_server, response
from tests.waiting import until

WATCH = "[2026-01-01 00:00:00,000] host/WARNING/loadtests.load.measuring.watch: "


async def test_the_lines_of_the_watch_are_passed_on_once_each_and_when_they_are_whole(tmp_path: Path) -> None:
    log, said = tmp_path / "locust.log", list[str]()
    async with passed_on(log, said.append, period_s=0.001):
        await asyncio.sleep(0.01)  # there is no log yet
        with log.open("w", encoding="utf-8") as file:
            file.write(f"[…] host/INFO/locust.runners: Ramping to 4 users\n{WATCH}held back: 3")
            file.flush()
            await asyncio.sleep(0.01)
            assert said == []
            file.write("0%\n[…] host/WARNING/root: Python 3\n")
            file.flush()
            await until(lambda: said == ["held back: 30%"])
            file.write(f"{WATCH}the last\n")
    assert said == ["held back: 30%", "the last"]


def test_a_headless_run_in_vain_says_so_while_it_runs(tmp_path: Path) -> None:
    def unwilling(request: SeenRequest) -> bytes:
        if request.target.endswith("/push"):
            return response(401, b'{"error":"a token is needed","code":"unauthorized"}')
        return response(404)

    words = ["reasonable", "--users", "2", "--headless", "--run-time", "30s"]
    with (
        fake_server(unwilling) as server,
        queen_load(*words, "--host", server.url, "--", "--queue", "theirs", cwd=tmp_path) as process,
    ):
        assert process.stderr is not None
        said = next(line for line in process.stderr if "in the last" in line)
        process.terminate()
        process.communicate(timeout=DEADLINE_S)
    assert re.fullmatch(
        r"queen: no push was acknowledged in the last \d+ s: "
        r"pushes were answered 401 unauthorized: a token is needed\n",
        said,
    )
