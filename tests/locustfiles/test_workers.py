"""A load by several Locust processes: one master, its workers, one result."""

import json
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from loadtests import results
from loadtests.ledger.law import Stretch
from loadtests.results import Accounting, Ledger, Trial
from tests.accounts import account_of
from tests.load.fake_server import FakeServer, SeenRequest, fake_server, response
from tests.locustfiles.support import finish, free_port, locust, until
from tests.locustfiles.test_web_mode import Page, has_pushed, ours, runs_in

TWO = ("--processes", "2", "--master-bind-host", "127.0.0.1")
HEADLESS = ("--headless", "--only-summary", "--json-file", "locust")
SOON = {"interval": "20", "warm_up": "0"}
TRANSACTION_ID = re.compile(r"[A-Za-z0-9_]+-(\d+)-(\d+)")


def ports() -> tuple[str, ...]:
    """A port of its own for master and workers: tests run side by side."""
    port = str(free_port())
    return ("--master-bind-port", port, "--master-port", port)


def pushed(server: FakeServer) -> list[list[dict[str, Any]]]:
    """The messages of each push that the server has seen."""
    return [json.loads(request.body)["items"] for request in server.seen if request.method == "POST"]


def audit(server: FakeServer, ledger: Ledger) -> Accounting:
    """The account of a load whose every push the server has answered."""
    stored = sorted(_stretch(item) for push in pushed(server) for item in push)
    return account_of(
        ledger, (Stretch(partition, producer, each, each) for partition, producer, each in stored)
    )


def _stretch(item: Mapping[str, str]) -> tuple[str, int, int]:
    found = TRANSACTION_ID.fullmatch(item["transactionId"])
    assert found is not None
    return item["partition"], int(found[1]), int(found[2])


def only_run(directory: Path) -> tuple[Trial, Ledger]:
    (run,) = runs_in(directory)
    (trial,) = results.read_trials(run)
    return trial, results.read(run.trial("001").ledger, Ledger)


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children()


def working(server: FakeServer, producers: int, pushes: int = 1) -> bool | None:
    """Whether so many producers have pushed so many times each."""
    seen = Counter(push[0]["transactionId"].rsplit("-", 1)[0] for push in pushed(server))
    return True if sum(count >= pushes for count in seen.values()) >= producers else None


def pushed_by_the_second(server: FakeServer, enough: int) -> bool | None:
    """Whether worker 1, whose producers are 100000 and on, has pushed so many times."""
    return True if sum(b"-10000" in request.body for request in server.seen) >= enough else None


def test_two_workers_give_one_result_and_offer_the_rate_together(tmp_path: Path) -> None:
    options = ["-u", "5", "-r", "5", "-t", "4s", "--warm-up", "0.5", "--batch", "2", "--rate", "200"]
    with (
        fake_server(ours()) as server,
        locust("high", "--host", server.url, *TWO, *ports(), *HEADLESS, *options, cwd=tmp_path) as process,
    ):
        output = finish(process)
    assert process.returncode == 0, output
    trial, ledger = only_run(tmp_path)
    load = trial.load
    assert [share.worker for share in load.workers] == [0, 1]
    assert all(share.complete and share.producers >= 2 for share in load.workers)
    assert len(ledger.producers) == load.users == 5
    assert {producer.producer // 100_000 for producer in ledger.producers} == {0, 1}
    account = audit(server, ledger)
    assert account.holds and account.complete, account
    assert account.stored == account.acknowledged == load.total_messages_acknowledged
    assert (load.requests_sent + load.requests_missed) / load.measured_s == pytest.approx(100, rel=0.05)
    late = "schedule_lag"  # of which a busy machine may give a reason
    assert not [remark for remark in trial.remarks if remark.reason != late]
    locusts = json.loads((tmp_path / "locust.json").read_text())
    assert {row["name"]: row["num_requests"] for row in locusts}["push"] == len(pushed(server))


def test_a_worker_that_is_killed_is_reported_and_what_it_did_last_is_not_guessed(tmp_path: Path) -> None:
    options = ["-u", "4", "-r", "4", "-t", "9s", "--warm-up", "0", "--batch", "2", "--interval", "20"]
    with (
        fake_server(ours()) as server,
        locust("high", "--host", server.url, *TWO, *ports(), *HEADLESS, *options, cwd=tmp_path) as process,
    ):
        # A push every 20 ms at most: by then each worker, which reports once a second, has done so.
        until(partial(working, server, 4, pushes=75))
        workers_of(process)[0].kill()
        output = finish(process)
    assert process.returncode == 1, output
    assert "is lost" in output
    trial, ledger = only_run(tmp_path)
    assert [remark.reason for remark in trial.remarks if remark.fatal] == ["worker_lost"]
    assert sorted(share.complete for share in trial.load.workers) == [False, True]
    (gone,) = {share.worker for share in trial.load.workers if not share.complete}
    unheard = {producer.producer for producer in ledger.producers if producer.unheard}
    assert unheard == {gone * 100_000, gone * 100_000 + 1}
    account = audit(server, ledger)
    assert account.holds and not account.complete, account
    assert 0 < account.unheard_stored < account.stored
    assert account.stored == account.acknowledged + account.unheard_stored


def test_an_interrupt_of_all_processes_at_once_still_gives_one_complete_result(tmp_path: Path) -> None:
    options = ["-u", "4", "-r", "4", "--warm-up", "0", "--batch", "2", "--interval", "20"]
    with (
        fake_server(ours()) as server,
        locust("high", "--host", server.url, *TWO, *ports(), *HEADLESS, *options, cwd=tmp_path) as process,
    ):
        until(partial(working, server, 4))
        until(partial(has_pushed, server, 200))
        for each in (*workers_of(process), psutil.Process(process.pid)):  # as a terminal does
            each.send_signal(signal.SIGINT)
        output = finish(process)
    assert "Traceback" not in output
    trial, ledger = only_run(tmp_path)
    assert [share.complete for share in trial.load.workers] == [True, True], output
    account = audit(server, ledger)
    assert account.holds and account.complete, account


@pytest.mark.parametrize("processes", [(), TWO], ids=["alone", "two"])
def test_an_interrupt_tears_no_push_out_of_its_account(processes: tuple[str, ...], tmp_path: Path) -> None:
    options = ["-u", "4", "-r", "4", "--warm-up", "0", "--batch", "1", "--loop", "closed"]  # always pushing
    with (
        fake_server(ours()) as server,
        locust("high", "--host", server.url, *processes, *ports(), *HEADLESS, *options, cwd=tmp_path) as load,
    ):
        until(partial(has_pushed, server, 400))
        for each in (*workers_of(load), psutil.Process(load.pid)):
            each.send_signal(signal.SIGINT)
        output = finish(load)
    assert "Traceback" not in output
    trial, ledger = only_run(tmp_path)
    assert trial.load.requests_pending == 0
    account = audit(server, ledger)
    assert account.holds and account.complete, account


def test_a_worker_that_comes_later_joins_the_run_and_its_window(tmp_path: Path) -> None:
    port = str(free_port())
    options = ["-u", "4", "-r", "4", "--warm-up", "0", "--batch", "2", "--rate", "100"]
    master = ("--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port)
    worker = ("--worker", "--master-host", "127.0.0.1", "--master-port", port)
    with (
        fake_server(ours()) as server,
        locust("high", "--host", server.url, *master, *HEADLESS, *options, cwd=tmp_path) as process,
        locust("high", *worker, cwd=tmp_path),
    ):
        until(partial(working, server, 4))
        with locust("high", *worker, cwd=tmp_path):
            until(partial(pushed_by_the_second, server, 1))
            # It has one or two of the four producers, which push 12.5 times a second each: both measure.
            until(partial(pushed_by_the_second, server, 60))
            process.terminate()
            output = finish(process)
    assert process.returncode == 0, output
    trial, ledger = only_run(tmp_path)
    shares = trial.load.workers
    assert [(share.worker, share.window) for share in shares] == [(0, 1), (1, 1)]
    assert shares[1].measured_s < shares[0].measured_s
    assert "windows_differ" in {remark.reason for remark in trial.remarks}
    assert trial.load.requests_sent / trial.load.measured_s == pytest.approx(50, rel=0.1)
    account = audit(server, ledger)
    assert account.holds and account.complete, account


def test_the_rate_of_all_workers_changes_together(tmp_path: Path) -> None:
    options = ["-u", "4", "-r", "4", "--warm-up", "0.2", "--steps", "3", "--step-time", "2", "--batch", "5"]
    rates = ["--from-rate", "200", "--to-rate", "1000"]
    with (
        fake_server(ours()) as server,
        locust(
            "ramp", "--host", server.url, *TWO, *ports(), *HEADLESS, *options, *rates, cwd=tmp_path
        ) as ramp,
    ):
        output = finish(ramp)
    assert ramp.returncode == 0, output
    trial, ledger = only_run(tmp_path)
    assert [stage.rate_msg_s for stage in trial.stages] == [200.0, 600.0, 1000.0]
    for stage in trial.stages:
        assert [share.worker for share in stage.load.workers] == [0, 1]
        sent = stage.load.requests_sent + stage.load.requests_pending
        assert sent * 5 / stage.load.measured_s == pytest.approx(stage.rate_msg_s, rel=0.1)
    assert audit(server, ledger).holds


def test_what_came_to_the_groups_is_judged_over_all_workers(tmp_path: Path) -> None:
    options = ["-u", "8", "-r", "8", "-t", "6s", "--warm-up", "0.5", "--batch", "5", "--interval", "50"]
    with (
        fake_server(ours()) as server,
        locust("mixed", "--host", server.url, *TWO, *ports(), *HEADLESS, *options, cwd=tmp_path) as mixed,
    ):
        output = finish(mixed)
    assert mixed.returncode == 0, output
    trial, _ = only_run(tmp_path)
    assert [share.worker for share in trial.load.workers] == [0, 1]
    assert trial.load.messages_popped > 0
    assert trial.accounting is not None
    assert trial.accounting.holds and trial.accounting.complete, trial.accounting
    assert len(trial.deliveries) == 2
    for group in trial.deliveries:
        assert group.holds, group
        assert group.undelivered == 0


def test_two_runs_from_the_page_are_two_results_of_both_workers(tmp_path: Path) -> None:
    port = free_port()
    page = Page(port)
    web = ("--web-host", "127.0.0.1", "--web-port", str(port))
    with (
        fake_server(ours()) as server,
        locust("reasonable", "--host", server.url, *TWO, *ports(), *web, cwd=tmp_path),
    ):
        until(lambda: True if page.json("/stats/requests").get("workers") else None)
        until(lambda: True if len(page.json("/stats/requests")["workers"]) == 2 else None)
        for batch in ("2", "4"):
            enough = sum(request.method == "POST" for request in server.seen) + 20
            page.swarm(user_count="6", spawn_rate="6", batch=batch, consumers="0.34", **SOON)
            until(partial(has_pushed, server, enough))
            page.stop()
            until(lambda: True if page.json("/stats/requests")["state"] != "stopping" else None)
    runs = [results.read(run.trial("001").trial, Trial) for run in runs_in(tmp_path)]
    assert [trial.cell.batch for trial in runs] == [2, 4]
    ledgers = [results.read(run.trial("001").ledger, Ledger) for run in runs_in(tmp_path)]
    assert ledgers[0].run_tag != ledgers[1].run_tag
    for trial, ledger in zip(runs, ledgers, strict=True):
        assert [share.worker for share in trial.load.workers] == [0, 1]
        assert len(ledger.producers) == 4  # of six users two consume
        assert not any(producer.unknown for producer in ledger.producers)


@pytest.mark.parametrize("changed", [False, True], ids=["by Locust's timer", "by ours"])
def test_a_run_whose_time_is_over_while_users_are_dealt_out_gets_no_more_of_them(
    changed: bool, tmp_path: Path
) -> None:
    port = free_port()
    page = Page(port)
    web = ("--web-host", "127.0.0.1", "--web-port", str(port))
    with (
        fake_server(ours()) as server,
        locust("reasonable", "--host", server.url, *TWO, *ports(), *web, cwd=tmp_path) as process,
    ):
        until(lambda: True if len(page.json("/stats/requests").get("workers", ())) == 2 else None)
        page.swarm(user_count="200", spawn_rate="5", run_time="3s", **SOON)
        if changed:
            until(partial(has_pushed, server, 1))
            assert "300 users" in page.swarm(user_count="300", spawn_rate="5", **SOON)
        until(lambda: page.json("/queen/live")["runs"] or None)  # it is looked into
        until(lambda: True if page.json("/stats/requests")["state"] == "stopped" else None)
        page.swarm(user_count="2", spawn_rate="2", **SOON)
        until(partial(has_pushed, server, len(server.seen) + 10))
        page.stop()
        process.terminate()
        output = finish(process)
    assert "the master has begun no run" not in output, "a worker was dealt users of a run that was over"
    first, second = (results.read(run.trial("001").trial, Trial) for run in runs_in(tmp_path))
    assert 0 < first.load.users < 200
    assert second.load.users == 2


def test_a_run_that_cannot_begin_leaves_the_workers_there_and_the_page_says_why(tmp_path: Path) -> None:
    port = free_port()
    page = Page(port)
    web = ("--web-host", "127.0.0.1", "--web-port", str(port))
    answers = ours()

    def without_configure(request: SeenRequest) -> bytes | None:
        return response(418) if request.target.endswith("/configure") else answers(request)

    with (
        fake_server(without_configure) as server,
        locust("high", "--host", server.url, *TWO, *ports(), *web, cwd=tmp_path),
    ):
        until(lambda: True if len(page.json("/stats/requests").get("workers", ())) == 2 else None)
        assert "--consumers 7" in page.refused(consumers="7")
        assert page.json("/stats/requests")["state"] == "ready"
        page.swarm(consumers="0.5")
        until(lambda: True if page.json("/stats/requests")["state"] == "stopped" else None)
        until(lambda: True if len(page.json("/stats/requests")["workers"]) == 2 else None)
        assert "the queue cannot be configured: 418" in page.json("/queen/live")["failure"]
        page.swarm(consumers="0", **SOON)
        until(lambda: True if page.json("/queen/live")["failure"] == "" else None)
        until(partial(has_pushed, server, 20))
        page.stop()
    trial, _ = only_run(tmp_path)
    assert [share.complete for share in trial.load.workers] == [True, True]
