"""One run from its begin to its files, over an ensemble that does as the test says."""

from datetime import UTC, datetime
from pathlib import Path

import gevent
import pytest
from msgspec.structs import replace

from loadtests import results
from loadtests.load import active_run
from loadtests.load.active_run import ActiveRun
from loadtests.load.conducting.course import Stage
from loadtests.load.conducting.ensemble import Collected
from loadtests.load.measuring.part import Part, lost
from loadtests.load.observing import Verdict
from loadtests.load.plan import LoadPlan
from loadtests.load.run_record import RunRecord
from loadtests.results import Ledger, Manifest, ProducerLedger, RunFiles, WorkerShare
from loadtests.runs.server_facts import ServerFacts
from tests.load.fake_server import fake_server, response
from tests.load.waiting import until

PLAN = LoadPlan(host="http://127.0.0.1:1", trial_directory="x", run_tag="t", warmup_s=0.0)
DEADLINE_S = 5.0


def part(worker: int) -> Part:
    share = WorkerShare(
        worker=worker, host="h", cpu_s=0.1, measured_s=1.0, producers=1, heard_at="2026-01-01"
    )
    return Part(
        run_tag="t",
        window=1,
        started_at="2026-01-01T00:00:00.000+00:00",
        started_monotonic_s=1.0,
        warmup_s=0.0,
        ledger=(ProducerLedger(producer=worker, partition="p0", acknowledged=((0, 9),)),),
        workers=(share,),
    )


class FakeEnsemble:
    def __init__(self, *parts: Part) -> None:
        self.orders: list[str] = []
        self._collected = Collected(parts)

    def begin(self, plan: LoadPlan) -> None:
        self.orders.append(f"begin {plan.run_tag}")

    def start_stage(self, stage: Stage) -> None:
        self.orders.append(f"stage {stage.number}")

    def open_window(self) -> None:
        self.orders.append("open")

    def close_window(self) -> None:
        self.orders.append("close")

    def checkpoint(self) -> Collected:
        return self._collected

    def collect(self, patience_s: float) -> Collected:
        return self._collected

    def finish(self, drain_s: float) -> Collected:
        self.orders.append(f"finish {drain_s:g}")
        return self._collected


class Watching:
    """An observer that keeps what it was told, and has its say at the end."""

    def __init__(self, verdict: Verdict | None = None) -> None:
        self.told: list[str] = []
        self._verdict = verdict

    def began(self, files: RunFiles, plan: LoadPlan) -> None:
        self.told.append("began")

    def looked(self, total: Part) -> None:
        self.told.append(f"looked at {len(total.workers)}")

    def ended(self, files: RunFiles, plan: LoadPlan, total: Part) -> Verdict | None:
        assert list(results.read_trials(files)), "the files are there"
        self.told.append("ended")
        return self._verdict


def begun(directory: Path, ensemble: FakeEnsemble, *observers: Watching, plan: LoadPlan = PLAN) -> ActiveRun:
    record = RunRecord(
        files=RunFiles(directory / "run"),
        trial_id="001",
        title="a load",
        started=datetime.now(UTC),
        options={},
        facts=ServerFacts(),
        command=("queen", "load", "high"),
    )
    return ActiveRun(ensemble, plan, record, observers)


def test_a_run_of_two_workers_becomes_one_trial(tmp_path: Path) -> None:
    ensemble, watching = FakeEnsemble(part(0), part(1)), Watching()
    run = begun(tmp_path, ensemble, watching)
    run.warm_up()
    run.warm_up()
    until(lambda: "open" in ensemble.orders)
    run.finish()
    assert run.write() == 0
    assert ensemble.orders == ["begin t", "stage 1", "open", "finish 3"]
    assert watching.told == ["began", "ended"]
    (trial,) = results.read_trials(run.record.files)
    assert [share.worker for share in trial.load.workers] == [0, 1]
    ledger = results.read(run.record.files.trial("001").ledger, Ledger)
    assert [producer.producer for producer in ledger.producers] == [0, 1]


def test_observers_are_shown_the_sum_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(active_run, "LOOK_PERIOD_S", 0.001)
    watching = Watching()
    run = begun(tmp_path, FakeEnsemble(part(0), part(1)), watching)
    until(lambda: len(watching.told) >= 3)
    run.finish()
    looks = len(watching.told)
    gevent.sleep(0.01)
    assert len(watching.told) == looks, "after its end nobody looks"
    assert watching.told[1] == "looked at 2"


def test_the_worst_verdict_is_the_exit_code(tmp_path: Path) -> None:
    observers = (Watching(Verdict(3, "messages are lost")), Watching(Verdict(1)), Watching())
    assert begun(tmp_path, FakeEnsemble(part(0)), *observers).write() == 3


def test_a_worker_that_was_lost_makes_the_run_a_failure_and_is_said(tmp_path: Path) -> None:
    run = begun(tmp_path, FakeEnsemble(part(0), lost(part(1))), Watching(Verdict(0)))
    assert run.write() == 1
    (trial,) = results.read_trials(run.record.files)
    remark = next(remark for remark in trial.remarks if remark.reason == "worker_lost")
    assert "worker 1" in remark.detail
    assert not trial.valid


def test_what_is_lost_for_certain_counts_more_than_a_lost_worker(tmp_path: Path) -> None:
    run = begun(tmp_path, FakeEnsemble(lost(part(1))), Watching(Verdict(3)))
    assert run.write() == 3


def test_producers_that_joined_or_left_changed_a_rate_that_was_shared_out(tmp_path: Path) -> None:
    shared = replace(PLAN, loop="open", rate_msg_s=100.0)
    for users, remarks in ((1, ["users_changed"]), (2, [])):
        directory = tmp_path / str(users)
        run = begun(directory, FakeEnsemble(part(0), part(1)), plan=replace(shared, users=users))
        run.write()
        (trial,) = results.read_trials(run.record.files)
        assert [each.reason for each in trial.remarks if each.reason == "users_changed"] == remarks


@pytest.mark.parametrize(
    ("numbered", "present_s", "expected"),
    [
        (2, 2.0, None),
        (2, 1.3, "2 producers took part, 1.3 on average while it was measured"),
        (3, 2.2, "3 producers took part, 2.2 on average while it was measured"),
        (3, 3.0, None),
        (2, None, None),
    ],
    ids=["all the time", "one left early", "one came late", "one came before it was measured", "not told"],
)
def test_users_that_come_or_go_during_a_run_are_told(
    tmp_path: Path, numbered: int, present_s: float | None, expected: str | None
) -> None:
    ledger = tuple(
        ProducerLedger(producer=number, partition="p0", acknowledged=((0, 9),)) for number in range(numbered)
    )
    (share,) = part(0).workers
    told = replace(part(0), ledger=ledger, workers=(replace(share, producer_s=present_s),))
    run = begun(tmp_path, FakeEnsemble(told), plan=replace(PLAN, users=2))
    run.write()
    (trial,) = results.read_trials(run.record.files)
    remarks = [remark.detail for remark in trial.remarks if remark.reason == "users_changed"]
    assert remarks == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (response(404), "the server has no /metrics/pool"),
        (response(503), "/metrics/pool was answered 503"),
        (response(200, b"[]"), "/metrics/pool was not answered as a server of Queen's does"),
    ],
)
def test_a_pool_that_is_not_known_is_told_with_its_reason(tmp_path: Path, answer: bytes, said: str) -> None:
    with fake_server(lambda request: answer) as server:
        run = begun(tmp_path, FakeEnsemble(part(0)), plan=replace(PLAN, host=server.url))
        run.write()
    assert results.read(run.record.files.manifest, Manifest).notes == (said,)


def test_a_server_that_is_not_there_is_not_said_to_have_no_pool(tmp_path: Path) -> None:
    run = begun(tmp_path, FakeEnsemble(part(0)))
    run.write()
    (note,) = results.read(run.record.files.manifest, Manifest).notes
    assert note.startswith("/metrics/pool could not be read: ")
    assert "refused" in note
