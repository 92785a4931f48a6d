"""Ctrl-C around the end of a run: whole Locust processes against servers of the test."""

import os
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from tests.load.fake_queue import FakeQueue
from tests.load.fake_server import FakeServer, SeenRequest, fake_server, response
from tests.locustfiles.support import finish, free_port, locust, until
from tests.locustfiles.test_web_mode import POOL, runs_in, trial_of

BRIEF = ["--headless", "-u", "2", "-r", "2", "--warm-up", "0", "--only-summary"]


class SlowAtTheEnd:
    """A queue that is slow to tell of its pool, asked between two files of a run, and of messages."""

    def __init__(self, *, pool_s: float = 0.0, pop_s: float = 0.0) -> None:
        self._queue = FakeQueue()
        self._pool_s, self._pop_s = pool_s, pop_s

    def __call__(self, request: SeenRequest) -> bytes:
        if request.target == "/metrics/pool":
            time.sleep(self._pool_s)
            return response(200, POOL)
        if request.method == "GET":
            time.sleep(self._pop_s)
        return self._queue.script(request)


def written(directory: Path, name: str) -> bool | None:
    """Whether a run has a file of this name."""
    return True if list(directory.glob(f"results/*/**/{name}")) else None


def pushed(server: FakeServer) -> bool | None:
    return True if any(request.method == "POST" for request in server.seen) else None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_files_are_written_changes_nothing(tmp_path: Path, number: signal.Signals) -> None:
    with (
        fake_server(SlowAtTheEnd(pool_s=0.5)) as server,
        locust("high", "--host", server.url, *BRIEF, "-t", "1s", cwd=tmp_path) as process,
    ):
        until(partial(written, tmp_path, "ledger.json"))
        process.send_signal(number)
        output = finish(process)
    assert process.returncode == 0, output
    assert "Traceback" not in output
    trial = trial_of(*runs_in(tmp_path))
    assert trial.accounting is not None and trial.accounting.complete
    assert "interrupted" not in {remark.reason for remark in trial.remarks}


def test_a_run_that_is_cut_short_says_so(tmp_path: Path) -> None:
    with (
        fake_server(SlowAtTheEnd()) as server,
        locust("high", "--host", server.url, *BRIEF, "-t", "60s", cwd=tmp_path) as process,
    ):
        until(partial(pushed, server))
        process.send_signal(signal.SIGINT)
        output = finish(process)
    assert "interrupted" in output
    trial = trial_of(*runs_in(tmp_path))
    assert "interrupted" in {remark.reason for remark in trial.remarks}
    assert trial.accounting is not None and trial.accounting.complete


def test_a_run_without_an_end_of_its_own_is_ended_by_ctrl_c_not_cut_short(tmp_path: Path) -> None:
    with (
        fake_server(SlowAtTheEnd()) as server,
        locust("high", "--host", server.url, *BRIEF, cwd=tmp_path) as process,
    ):
        until(partial(pushed, server))
        process.send_signal(signal.SIGINT)
        finish(process)
    assert "interrupted" not in {remark.reason for remark in trial_of(*runs_in(tmp_path)).remarks}


@pytest.mark.parametrize("processes", [1, 2])
def test_a_second_ctrl_c_leaves_out_the_check_and_nothing_else(tmp_path: Path, processes: int) -> None:
    port = str(free_port())
    several = ["--processes", "2", "--master-port", port, "--master-bind-port", port] if processes > 1 else []
    with (
        fake_server(SlowAtTheEnd(pool_s=0.3, pop_s=8.0)) as server,
        locust("high", "--host", server.url, *BRIEF, *several, "-t", "60s", cwd=tmp_path) as process,
    ):
        until(partial(pushed, server))
        os.killpg(process.pid, signal.SIGINT)
        until(partial(written, tmp_path, "ledger.json"))
        began_s = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        os.killpg(process.pid, signal.SIGINT)
        output = finish(process)
    assert process.returncode == 130, output
    assert time.monotonic() - began_s < 6.0
    assert "Traceback" not in output
    trial = trial_of(*runs_in(tmp_path))
    assert trial.accounting is None
    assert "interrupted" in {remark.reason for remark in trial.remarks}
