"""`queen load` and its generator: several processes, and whether it was the generator that was measured."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import psutil
import pytest

from loadtests import results
from loadtests.results import Manifest, Trial
from tests.attempts import TooLate, attempts
from tests.briefly import AS_ALWAYS
from tests.commands import test_load
from tests.commands.test_load import DEADLINE_S, only_run
from tests.load.fake_server import fake_server
from tests.locustfiles.support import until
from tests.locustfiles.test_web_mode import has_pushed, ours

BRIEF = ("--headless", "--run-time", "3s")
UNREAD = ("--drain-for", "0")  # of a server that keeps nothing
LIMITED = "The generator was near its own limit"
queen_load = partial(test_load.queen_load, module=AS_ALWAYS)


@contextmanager
def null_server(batch: int) -> Iterator[str]:
    """A server that costs nothing; its address."""
    command = [sys.executable, "-m", "loadtests.load.null_server", "--batch", str(batch)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            listening = re.match(r"listening on (\S+)", server.stdout.readline())
            assert listening is not None
            yield listening[1]
        finally:
            server.terminate()


def only_trial(directory: Path) -> tuple[Trial, Manifest]:
    run = only_run(directory)
    (trial,) = results.read_trials(run)
    return trial, results.read(run.manifest, Manifest)


def answered(page: str) -> int:
    """Pushes that Locust's page has counted."""
    with urlopen(f"{page}/stats/requests") as answer:
        rows = json.load(answer)["stats"]
    return sum(int(row["num_requests"]) for row in rows if row["name"] == "push")


def master_of_two(pid: int) -> tuple[psutil.Process, list[psutil.Process]] | None:
    """Of the load that a process runs: Locust's master and its two workers, once they are there."""
    for child in psutil.Process(pid).children():
        with suppress(psutil.NoSuchProcess):  # it read the command line only
            if len(workers := child.children()) == 2:
                return child, workers
    return None


def report_of(directory: Path) -> str:
    """The page of `queen report`, without its tags."""
    run = only_run(directory)
    command = [sys.executable, "-m", "queen", "report", str(run.root)]
    made = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return re.sub(r"<[^>]*>", "", run.report.read_text(encoding="utf-8"))


@pytest.mark.timeout(200)
def test_a_load_that_its_generator_limits_is_marked_in_its_files_its_table_and_its_report(
    tmp_path: Path,
) -> None:
    with null_server(1) as url:
        words = [
            "high",
            "--users",
            "8",
            "--loop",
            "closed",
            "--host",
            url,
            *BRIEF,
            "--",
            *UNREAD,
            "--batch",
            "1",
        ]
        for attempt in attempts(3, made_good_by=1):
            directory = tmp_path / str(attempt.number)
            directory.mkdir()
            with attempt:
                with queen_load(*words, cwd=directory) as process:
                    table, said = process.communicate(timeout=DEADLINE_S)
                assert process.returncode == 0, said
                trial, manifest = only_trial(directory)
                near_its_ceiling(trial)
    ceiling_msg_s = manifest.generator_ceiling_msg_s["raw/batch=1"]
    assert trial.load.throughput_msg_s > ceiling_msg_s / 2
    assert "near ceiling" in table
    assert LIMITED in report_of(directory)


def near_its_ceiling(trial: Trial) -> None:
    """Raises TooLate where it is not: the machine gave more to the generator when it measured its ceiling."""
    limits = [remark.detail for remark in trial.remarks if remark.reason == "near_ceiling"]
    assert len(limits) <= 1, trial.remarks
    if not limits:
        raise TooLate(f"{trial.load.throughput_msg_s} msg/s: {trial.remarks}")


@pytest.mark.timeout(200)
def test_the_ceiling_of_an_open_loop_is_that_of_an_open_loop(tmp_path: Path) -> None:
    """Offered all that the machine can give it, it cannot be far from its own ceiling."""
    with null_server(1) as url:
        words = ["high", "--users", "8", "--rate", "200000", "--host", url, *BRIEF]
        options = [*UNREAD, "--batch", "1", "--in-flight", "16"]
        for attempt in attempts(3, made_good_by=1):
            directory = tmp_path / str(attempt.number)
            directory.mkdir()
            with attempt:
                with queen_load(*words, "--", *options, cwd=directory) as process:
                    _, said = process.communicate(timeout=DEADLINE_S)
                assert process.returncode == 0, said
                trial, manifest = only_trial(directory)
                assert list(manifest.generator_ceiling_msg_s) == ["raw/batch=1/open"]
                near_its_ceiling(trial)
    assert "null server (open loop, raw client, 8 producers" in " ".join(manifest.notes)


def test_a_run_whose_form_names_another_server_is_not_looked_for_in_the_table_of_ours(tmp_path: Path) -> None:
    with null_server(10) as url, queen_load("reasonable", "--pool", "3", cwd=tmp_path) as process:
        assert process.stdout is not None
        page = process.stdout.readline().split()[0]
        form = {"user_count": 1, "spawn_rate": 1, "host": url, "drain_for": "0"}
        urlopen(f"{page}/swarm", data=urlencode(form).encode()).close()
        until(lambda: True if answered(page) else None)
        urlopen(f"{page}/stop", data=b"").close()
        process.send_signal(signal.SIGINT)
        table, said = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, said
    assert "lost" not in table
    trial, manifest = only_trial(tmp_path)
    assert trial.load.total_messages_acknowledged > 0
    assert (trial.cell.pool, manifest.versions.server) == (None, url)


def test_the_ceiling_of_a_run_from_the_page_is_measured_though_the_start_after_it_fails(
    tmp_path: Path,
) -> None:
    """Way was made for a run that never began, on a server where nobody listens."""
    with queen_load("reasonable", "--pool", "3", cwd=tmp_path) as process:
        assert process.stdout is not None
        page = process.stdout.readline().split()[0]

        def start(**form: str) -> bool:
            body = urlencode({"user_count": 2, "spawn_rate": 2, **form}).encode()
            with urlopen(f"{page}/swarm", data=body) as answer:
                return bool(json.load(answer)["success"])

        def shown() -> Any:
            with urlopen(f"{page}/queen/live") as answer:
                return json.load(answer)

        assert start(warm_up="0", interval="100")
        until(lambda: True if answered(page) else None)
        urlopen(f"{page}/stop", data=b"").close()
        until(lambda: True if start(host="http://127.0.0.1:1", consumers="0.5") else None)
        assert "no run: " in until(lambda: shown()["failure"] or None)
        assert until(lambda: shown()["runs"][0]["generatorCeilingMsgS"]) > 0
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, said


def test_a_load_that_its_generator_does_not_limit_is_not_marked(tmp_path: Path) -> None:
    words = ["high", "--users", "2", *BRIEF]
    with null_server(100) as url, queen_load(*words, "--host", url, "--", *UNREAD, cwd=tmp_path) as process:
        table, said = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, said
    trial, manifest = only_trial(tmp_path)
    assert not {"generator_limited", "near_ceiling"} & {remark.reason for remark in trial.remarks}
    assert manifest.generator_ceiling_msg_s["raw/batch=100/open"] > 2 * trial.load.throughput_msg_s
    assert not any(words in table for words in ("generator limited", "near ceiling"))
    assert LIMITED not in report_of(tmp_path)


def test_a_push_of_a_hundred_distinct_messages_costs_the_generator_little(tmp_path: Path) -> None:
    with null_server(100) as url:
        words = ["high", "--users", "8", "--loop", "closed", *BRIEF, "--host", url, "--", *UNREAD]
        with queen_load(*words, cwd=tmp_path) as process:
            _, said = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, said
    load = only_trial(tmp_path)[0].load
    assert load.generator_cpu_s is not None
    cost_us = 1e6 * load.generator_cpu_s / load.requests_ok
    assert cost_us < 600, "60,000 msg/s are 600 pushes/s: with 1,667 us for each a core would be full"


def test_processes_share_one_load_and_one_that_is_killed_is_a_failure(tmp_path: Path) -> None:
    with null_server(100) as url:
        words = ["high", "--users", "4", "--processes", "2", "--host", url, "--headless", "--run-time", "8s"]
        with queen_load(*words, cwd=tmp_path) as process:
            _, workers = until(partial(master_of_two, process.pid))
            until(lambda: True if len(workers[1].net_connections()) > 2 else None)  # it pushes
            workers[1].kill()
            _, said = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 1, said
    assert "A PROCESS OF THE LOAD WAS LOST" in said
    trial, manifest = only_trial(tmp_path)
    assert sorted(share.complete for share in trial.load.workers) == [False, True]
    assert not trial.valid
    assert manifest.generator_ceiling_msg_s == {}, "what one process reaches is not what two do"


def test_an_interrupt_ends_all_processes_and_still_gives_their_result(tmp_path: Path) -> None:
    words = ["high", "--users", "4", "--processes", "2", "--headless", "--run-time", "60s"]
    with fake_server(ours()) as server, queen_load(*words, "--host", server.url, cwd=tmp_path) as process:
        locust, workers = until(partial(master_of_two, process.pid))
        until(partial(has_pushed, server, 4 * 4))  # one a second each, after a second of warm-up
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130, said
    trial, _ = only_trial(tmp_path)
    assert [share.complete for share in trial.load.workers] == [True, True]
    assert trial.load.requests_ok > 0
    assert not [each for each in (locust, *workers) if each.is_running()]
