"""The verdict at the end of a run, against a queue in memory that a test may break."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import pytest

from loadtests import results
from loadtests.load.consuming.drain_reader import DrainReader, Patience
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
    accounted,
)
from loadtests.runs.server_facts import FACTS_VARIABLE, ServerFacts, encode
from tests.load.fake_queue import FakeQueue
from tests.load.fake_server import fake_server
from tests.sweep.made import made_load

QUEUE = "load-t1"
SHARED = Consuming(groups=1, lease_s=1)
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

    @property
    def reasons(self) -> list[str]:
        return [remark.reason for remark in self.trial.remarks]

    def end(
        self,
        *lanes: Lane,
        environ: dict[str, str] | None = None,
        acknowledged: tuple[tuple[int, int], ...] = EVERYTHING,
        **plan: Any,
    ) -> Verdict | None:
        producer = ProducerLedger(producer=0, partition="p0", acknowledged=acknowledged)
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
        (lose, "1 lost (producer 0 in p0: 41)"),
        (double, "1 duplicated (producer 0 in p0: 59)"),
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


def test_what_could_not_be_read_is_not_called_lost_nor_accounted_for(case: Case) -> None:
    lose(case.queue.partition(QUEUE))
    verdict = case.end(check_s=0.01)
    assert verdict is not None
    assert verdict.exit_code == 1
    account = case.trial.accounting
    assert account is not None
    assert (account.lost, account.checked_to_end, account.complete) == (None, False, False)
    assert account.faulty == (), "what was not read is not named as lost"
    assert case.reasons == ["users_changed", "not_accounted"]
    assert "not known: what is lost" in case.trial.remarks[-1].detail
    assert case.trial.valid
    assert accounted(case.trial).holds is None


def test_a_fault_that_is_certain_comes_before_what_is_not_known(case: Case) -> None:
    lose(case.queue.partition(QUEUE))
    double(case.queue.partition(QUEUE))
    verdict = case.end(check_s=0.3)
    assert verdict is not None
    assert verdict.exit_code == 3
    assert case.reasons == ["users_changed", "accounting", "not_accounted"]


def test_a_group_that_could_not_be_read_to_its_end_is_not_accounted_for(case: Case) -> None:
    del case.queue.partition(QUEUE)[50:]
    case.queue.put_group_at("load-0", QUEUE, 50)
    environ = {FACTS_VARIABLE: json.dumps({"postgres": "18.1"})}
    verdict = case.end(lane(delivered=(((0, 49),),)), environ=environ, consuming=SHARED, check_s=0.01)
    assert verdict is not None
    assert verdict.exit_code == 1
    assert "not known: what else load-0 received (not read to the end)" in verdict.line


def test_a_group_that_has_everything_may_get_more_where_nobody_read_on(case: Case) -> None:
    environ = {FACTS_VARIABLE: json.dumps({"postgres": "18.1"})}
    case.queue.put_group_at("load-0", QUEUE, 50)  # it would deliver fifty once more
    assert case.end(lane(), environ=environ, consuming=SHARED, check_s=0.0) is None
    (group,) = case.trial.deliveries
    assert (group.undelivered, group.unexplained, group.reading) == (0, 0, "not asked")
    assert accounted(case.trial).holds is None


def test_a_process_that_is_ended_while_it_reads_leaves_no_yes_behind(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(*_: Any, **__: Any) -> bool:
        raise SystemExit

    monkeypatch.setattr(DrainReader, "read", ended)
    with pytest.raises(SystemExit):
        case.end(lane(), consuming=SHARED)
    assert case.reasons == ["users_changed", "not_accounted"]
    assert accounted(case.trial).holds is None


@pytest.mark.parametrize("messages", [100, 2_000_000])
def test_the_time_to_read_grows_with_the_messages(
    case: Case, monkeypatch: pytest.MonkeyPatch, messages: int
) -> None:
    given: list[float] = []

    def limits(quiet_s: float, longest_s: float) -> Patience:
        given.extend((quiet_s, longest_s))
        return Patience(0.0, 0.0)

    monkeypatch.setattr("loadtests.load.ledger_check.Patience", limits)
    case.end(acknowledged=((0, messages - 1),), consuming=SHARED, check_s=0.5)
    quiet_s, longest_s = given
    assert quiet_s == 1.5  # a lease may hold messages back
    assert longest_s == pytest.approx(2 * 1.5 + 2 * messages / 1_000)


def test_a_queue_of_others_and_a_check_of_no_time_claim_nothing(case: Case) -> None:
    lose(case.queue.partition(QUEUE))
    assert case.end(check_s=0.0) is None
    assert case.end(queue="orders") is None
    assert case.trial.accounting is None
    assert accounted(case.trial).holds is None
    assert case.reasons == ["users_changed"]


def test_where_nothing_is_to_be_read_a_delivery_too_many_is_wrong_all_the_same(case: Case) -> None:
    verdict = case.end(lane(delivered=(((0, 59),), ((0, 6),))), consuming=SHARED, check_s=0.0)
    assert verdict is not None
    assert verdict.exit_code == 3
    assert case.reasons == ["users_changed", "accounting"]
    assert "7 unexplained" in str(accounted(case.trial))


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
