"""The verdict at the end of a run, against a queue in memory that a test may break."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import pytest

from loadtests import results
from loadtests.load.ledger_check import LedgerCheck
from loadtests.load.measuring.part import Lane, Part
from loadtests.load.observing import Verdict
from loadtests.load.plan import Consuming, LoadPlan
from loadtests.results import (
    QUEUE_MODE,
    Cell,
    Invalidity,
    ProducerLedger,
    RunFiles,
    Trial,
    WorkerShare,
)
from loadtests.runs.server_facts import FACTS_VARIABLE, ServerFacts, encode
from tests.load.fake_queue import FakeQueue
from tests.load.fake_server import fake_server
from tests.sweep.made import made_load

QUEUE = "load-t1"
Break = Callable[[list[dict[str, Any]]], None]
EVERYTHING = ((0, 99),)


def nothing(_: list[dict[str, Any]]) -> None:
    """The log as it should be."""


def lose(log: list[dict[str, Any]]) -> None:
    del log[41]


def double(log: list[dict[str, Any]]) -> None:
    log.insert(60, log[59])


def swap(log: list[dict[str, Any]]) -> None:
    log[50], log[51] = log[51], log[50]


def foreign(log: list[dict[str, Any]]) -> None:
    log.append({"transactionId": "someone-else", "data": 1})


class Case:
    """A run of a hundred acknowledged messages of producer 0, and what is made of it at its end."""

    def __init__(self, directory: Path) -> None:
        self.files = RunFiles(directory / "run")
        load = made_load(acknowledged=100, sent=10)
        other = Invalidity(reason="users_changed", detail="one came later", fatal=False)
        trial = Trial(
            trial_id="001",
            part="load",
            block=0,
            order=0,
            cell=Cell(),
            started_at="2026-01-01",
            load=load,
            remarks=(other,),
        )
        files = self.files.trial("001")
        files.root.mkdir(parents=True)
        results.write(files.trial, trial)
        self.queue = FakeQueue()
        for number in range(100):
            self.queue.partition(QUEUE).append({"transactionId": f"t1-0-{number}", "data": number})

    @property
    def trial(self) -> Trial:
        return results.read(self.files.trial("001").trial, Trial)

    def end(self, *lanes: Lane, environ: dict[str, str] | None = None, **plan: Any) -> Verdict | None:
        producer = ProducerLedger(producer=0, partition="p0", acknowledged=EVERYTHING)
        share = WorkerShare(worker=0, host="h", cpu_s=0.1, measured_s=1.0, producers=1, heard_at="2026-01-01")
        total = Part(
            run_tag="t1",
            window=1,
            started_at="2026-01-01T00:00:00.000+00:00",
            started_monotonic_s=0.0,
            warmup_s=0.0,
            ledger=(producer,),
            lanes=lanes,
            workers=(share,),
        )
        given: dict[str, Any] = {"queue": QUEUE, "check_s": 10.0, "trial_directory": "x", "run_tag": "t1"}
        with fake_server(self.queue.script) as server, gevent.Timeout(20):
            return LedgerCheck(environ or {}).ended(
                self.files, LoadPlan(host=server.url, **(given | plan)), total
            )


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_a_sound_queue_is_read_back_and_holds(case: Case) -> None:
    assert case.end() is None
    account = case.trial.accounting
    assert account is not None
    assert account.holds
    assert (account.source, account.stored, account.complete) == ("drain", 100, True)
    assert [remark.reason for remark in case.trial.remarks] == ["users_changed"]


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        (lose, "1 lost"),
        (double, "1 duplicated"),
        (swap, "1 out of order"),
        (foreign, "1 unexplained"),
    ],
)
def test_each_planted_fault_is_exit_code_3_and_named(case: Case, fault: Break, named: str) -> None:
    fault(case.queue.partition(QUEUE))
    verdict = case.end()
    assert verdict is not None
    assert verdict.exit_code == 3
    assert named in verdict.line
    assert not case.trial.valid
    assert named in case.trial.remarks[-1].detail


def test_what_could_not_be_read_is_not_called_lost(case: Case) -> None:
    lose(case.queue.partition(QUEUE))
    assert case.end(check_s=0.01) is None
    account = case.trial.accounting
    assert account is not None
    assert (account.lost, account.checked_to_end, account.complete) == (0, False, False)


def test_a_queue_of_others_and_a_check_of_no_time_claim_nothing(case: Case) -> None:
    lose(case.queue.partition(QUEUE))
    assert case.end(check_s=0.0) is None
    assert case.end(queue="orders") is None
    assert case.trial.accounting is None


def test_where_the_table_is_looked_into_only_deliveries_are_judged(case: Case) -> None:
    lose(case.queue.partition(QUEUE))
    environ = {FACTS_VARIABLE: json.dumps({"postgres": "18.1"})}
    assert case.end(environ=environ) is None
    assert case.trial.accounting is None
    assert case.queue.groups == {}


def lane(**changes: Any) -> Lane:
    given: dict[str, Any] = {"group": "load-0", "partition": "p0", "producer": 0, "delivered": (EVERYTHING,)}
    return Lane(worker=0, **(given | changes))


def test_a_run_on_another_server_than_the_one_that_was_started_is_read_back(case: Case) -> None:
    facts = encode(ServerFacts(url="http://127.0.0.1:1", postgres="18"))
    lose(case.queue.partition(QUEUE))
    verdict = case.end(environ={FACTS_VARIABLE: facts})
    assert verdict is not None
    assert verdict.exit_code == 3


def test_groups_are_read_to_their_end_and_their_account_goes_on(case: Case) -> None:
    received = lane(delivered=(((0, 59),),))
    case.queue.put_group_at("load-0", QUEUE, 60)
    consuming = Consuming(groups=2, lease_s=1)
    assert case.end(received, consuming=consuming) is None
    first, second = case.trial.deliveries
    assert (first.group, first.delivered, first.undelivered) == ("load-0", 100, 0)
    assert (second.group, second.delivered, second.undelivered) == ("load-1", 100, 0)
    assert (first.order_judged, first.holds, second.holds) == ("all", True, True)


def test_a_message_that_a_group_never_gets_is_found_though_it_is_stored(case: Case) -> None:
    case.queue.put_group_at("load-0", QUEUE, 60)
    verdict = case.end(lane(delivered=(((0, 58),),)), consuming=Consuming(groups=1, lease_s=1))
    assert verdict is not None
    assert verdict.exit_code == 3
    assert "deliveries to load-0: 1 undelivered" in verdict.line
    account = case.trial.accounting
    assert account is not None
    assert account.holds


def test_a_delivery_too_many_is_found(case: Case) -> None:
    case.queue.put_group_at(QUEUE_MODE, QUEUE, 50)
    received = lane(group=QUEUE_MODE, delivered=(((0, 59),),), lapsed=(((55, 59),),))
    verdict = case.end(received, consuming=Consuming(lease_s=1))
    assert verdict is not None
    assert "5 unexplained" in verdict.line
