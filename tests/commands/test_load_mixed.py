"""`queen load mixed`: groups, failures, lost leases and a full queue, accounted for at the end."""

import json
import re
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from loadtests import results
from loadtests.commands.load_audit import only_trial
from loadtests.results import Trial
from tests.commands.test_load import only_run, queen_load

MAX_SIZE = 400  # small, so that it is reached: a partition whose lease must run out fills it
RUN_TIME_S = 30
DEADLINE_S = 150.0
LOOK_PERIOD_S = 0.25


class Depths(threading.Thread):
    """Reads what each group still has to consume, until it is told to stop."""

    def __init__(self, server_url: str) -> None:
        super().__init__(daemon=True)
        self.seen: dict[str, list[int]] = {"load-0": [], "load-1": []}
        self.stopping = threading.Event()
        self._url = server_url

    def run(self) -> None:
        while not self.stopping.wait(LOOK_PERIOD_S):
            for group, seen in self.seen.items():
                if (pending := self._pending(group)) is not None:
                    seen.append(pending)

    def _pending(self, group: str) -> int | None:
        for queue in self._get("/api/v1/resources/queues").get("queues", []):
            return int(self._get(f"/api/v1/resources/queues/{queue['name']}/depth?group={group}")["pending"])
        return None

    def _get(self, path: str) -> Any:
        try:
            with urllib.request.urlopen(self._url + path, timeout=10) as answer:
                return json.loads(answer.read())
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return {"pending": 0}  # it has stopped, or not begun


def test_every_message_and_every_delivery_is_accounted_for_and_the_depth_is_bounded(tmp_path: Path) -> None:
    options = ["--max-size", str(MAX_SIZE), "--slow-share", "0.005"]
    words = ["mixed", "--headless", "--run-time", f"{RUN_TIME_S}s", "--", *options]
    begun = time.monotonic()
    with queen_load(*words, cwd=tmp_path) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert address is not None, line
        depths = Depths(address[0])
        depths.start()
        output, progress = process.communicate(timeout=DEADLINE_S)
        depths.stopping.set()
    assert process.returncode == 0, progress
    assert time.monotonic() - begun > RUN_TIME_S
    trial = results.read(only_trial(only_run(tmp_path)).trial, Trial)
    assert trial.accounting is not None
    assert trial.accounting.holds
    assert (trial.accounting.source, trial.accounting.stored) == ("table", trial.accounting.acknowledged)
    assert {group.group for group in trial.deliveries} == {"load-0", "load-1"}
    for group in trial.deliveries:
        assert group.holds
        assert (group.delivered, group.undelivered) == (trial.accounting.stored, 0)
        assert group.nacked > 0
    assert sum(group.lapsed for group in trial.deliveries) > 0
    for seen in depths.seen.values():
        assert len(seen) > RUN_TIME_S
        assert max(seen) <= MAX_SIZE
    assert max(map(max, depths.seen.values())) > MAX_SIZE / 4
    assert trial.load.end_to_end is not None
    assert "group load-1 received" in output
