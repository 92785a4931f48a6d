import logging
from pathlib import Path

import gevent
import pytest
from gevent.event import Event
from msgspec.structs import replace

from loadtests.ledger.patience import patience_s
from loadtests.load.measuring.part import Part
from loadtests.load.plan import LoadPlan
from loadtests.results import ProducerLedger, RunFiles
from loadtests.runs.control import Answer, Ask, MakeWay, NoRun, Noted, Refused, RunBegan, RunEnded
from loadtests.ui import page_observer
from loadtests.ui.live import Live
from loadtests.ui.page_observer import PageObserver, RunNow
from loadtests.ui.runs_table import RunsTable
from tests.load.waiting import until
from tests.ui.support import FakeParent

HOST = "http://127.0.0.1:1"
DEADLINE_S = 5.0
PLAN = LoadPlan(host=HOST, trial_directory="x", run_tag="t")
FILES = RunFiles(Path("results/run-1"))
PART = Part(run_tag="t", window=1, started_at="x", started_monotonic_s=0.0, warmup_s=0.0)


def run_through(parent: FakeParent) -> PageObserver:
    observer = PageObserver(Live(), RunsTable(), parent)
    observer.began(FILES, PLAN)
    assert observer.run_on
    observer.looked(PART)
    assert observer.ended(FILES, PLAN, PART) is None
    gevent.sleep(0)  # the end is told in the background
    return observer


def test_the_parent_is_told_of_begin_and_end_of_a_run_on_its_server() -> None:
    parent = FakeParent(Noted(), Noted(), url=HOST)
    observer = run_through(parent)
    assert parent.asked == [RunBegan("results/run-1"), RunEnded("results/run-1")]
    assert not observer.run_on


def test_the_page_waits_for_the_verdict_as_long_as_looking_up_every_message_may_take() -> None:
    many = ProducerLedger(producer=0, partition="p0", acknowledged=((0, 28_799_999),))
    parent = FakeParent(Noted(), Noted(), url=HOST)
    observer = PageObserver(Live(), RunsTable(), parent)
    observer.began(FILES, PLAN)
    observer.ended(FILES, PLAN, replace(PART, ledger=(many,)))
    gevent.sleep(0)
    assert parent.waited_s[-1] > patience_s([many]) > 300


def test_before_a_start_the_parent_is_asked_to_do_nothing_that_the_run_would_feel() -> None:
    parent = FakeParent(Noted(), url=HOST)
    observer = PageObserver(Live(), RunsTable(), parent)
    observer.make_way()
    assert parent.asked == [MakeWay()]
    PageObserver(Live(), RunsTable(), None).make_way()  # nobody to ask


def test_a_start_that_fails_or_never_comes_lets_the_parent_go_on() -> None:
    parent = FakeParent(*[Noted()] * 4, url=HOST)
    observer = PageObserver(Live(), RunsTable(), parent)
    observer.make_way()
    with observer.starting():
        observer.no_start()  # somebody told Locust to stop, which does not reach it any more
        assert parent.asked == [MakeWay()]
        observer.failed("no run: the queue cannot be configured")
    observer.make_way()
    observer.no_start()
    observer.no_start()  # once is enough
    assert parent.asked == [MakeWay(), NoRun(), MakeWay(), NoRun()]


def test_a_run_that_is_on_is_not_said_to_have_come_to_nothing() -> None:
    parent = FakeParent(*[Noted()] * 3, url=HOST)
    observer = PageObserver(Live(), RunsTable(), parent)
    observer.make_way()
    with observer.starting():
        observer.began(FILES, PLAN)
    observer.no_start()
    observer.ended(FILES, PLAN, PART)
    gevent.sleep(0)
    assert parent.asked == [MakeWay(), RunBegan("results/run-1"), RunEnded("results/run-1")]


def test_when_a_run_on_another_server_is_over_the_parent_may_go_on() -> None:
    parent = FakeParent(Noted(), Noted(), url="http://127.0.0.1:2")
    observer = PageObserver(Live(), RunsTable(), parent)
    observer.make_way()
    observer.began(FILES, PLAN)
    assert parent.asked == [MakeWay()]
    observer.ended(FILES, PLAN, PART)
    gevent.sleep(0)
    assert parent.asked == [MakeWay(), NoRun()]


def test_a_run_on_another_server_is_not_the_parents() -> None:
    parent = FakeParent(url="http://127.0.0.1:2")
    run_through(parent)
    assert parent.asked == []


@pytest.mark.parametrize("answers", [(), (Refused("being started anew"),)])
def test_a_parent_that_does_not_help_stops_no_run(
    answers: tuple[Refused, ...], caplog: pytest.LogCaptureFixture
) -> None:
    parent = FakeParent(*answers, url=HOST)
    with caplog.at_level(logging.WARNING):
        run_through(parent)
    assert parent.asked == [RunBegan("results/run-1"), NoRun()]  # it may have noted what it did not answer
    assert "not sampled" in caplog.text


def test_whether_a_run_is_on_is_by_our_account_and_by_locusts() -> None:
    observer = PageObserver(Live(), RunsTable(), None)
    by_locust = {"ready": RunNow.NONE, "stopped": RunNow.NONE, "stopping": RunNow.CHANGING}
    for state, now in {**by_locust, "running": RunNow.CHANGING, "cleanup": RunNow.CHANGING}.items():
        assert observer.run_now(state) is now
    observer.run_on = True
    for state in ("ready", "stopped", "stopping", "cleanup"):
        assert observer.run_now(state) is RunNow.CHANGING, state
    for state in ("spawning", "running"):
        assert observer.run_now(state) is RunNow.ON


def test_a_start_that_was_let_through_is_a_run_that_begins_until_it_is_known_what_came_of_it() -> None:
    observer = PageObserver(Live(), RunsTable(), None)
    observer.make_way()
    assert observer.run_now("stopped") is RunNow.CHANGING
    observer.no_start()
    assert observer.run_now("stopped") is RunNow.NONE
    observer.make_way()
    with observer.starting():
        observer.no_start()  # it reaches Locust too late
        assert observer.run_now("stopped") is RunNow.CHANGING
        observer.began(FILES, PLAN)
    assert observer.run_now("running") is RunNow.ON
    observer.ended(FILES, PLAN, PART)
    assert observer.run_now("stopped") is RunNow.NONE


def test_who_stops_waits_for_a_start_that_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    observer, begins = PageObserver(Live(), RunsTable(), None), Event()

    def start() -> None:
        with observer.starting():
            begins.wait(DEADLINE_S)

    observer.settle()  # nobody starts anything
    starting = gevent.spawn(start)
    gevent.sleep(0)
    stopping = gevent.spawn(observer.settle)
    gevent.sleep(0)
    assert not stopping.ready()
    monkeypatch.setattr(page_observer, "SETTLE_S", 0.01)
    observer.settle()  # not for ever
    assert not stopping.ready()
    begins.set()
    gevent.joinall([starting, stopping], timeout=DEADLINE_S, raise_error=True)
    assert stopping.ready()


def test_the_run_before_is_looked_into_until_the_parent_has_told_of_it() -> None:
    answer = Event()

    class SlowParent(FakeParent):
        def ask(self, ask: Ask, timeout_s: float) -> Answer:
            if isinstance(ask, RunEnded):
                answer.wait(DEADLINE_S)
            return super().ask(ask, timeout_s)

    observer = PageObserver(Live(), RunsTable(), SlowParent(Noted(), Noted(), url=HOST))
    observer.began(FILES, PLAN)
    assert not observer.is_looked_into()
    observer.ended(FILES, PLAN, PART)
    assert observer.is_looked_into()
    answer.set()
    until(lambda: not observer.is_looked_into())


def test_a_run_of_which_nothing_comes_is_over_and_said_until_the_next_one_begins() -> None:
    parent = FakeParent(Noted(), Noted(), Noted(), url=HOST)
    observer = PageObserver(Live(), RunsTable(), parent)
    observer.began(FILES, PLAN)
    observer.failed("no space left")
    gevent.sleep(0)  # the end is told in the background
    assert (observer.run_on, observer.failure) == (False, "no space left")
    assert parent.asked == [RunBegan("results/run-1"), RunEnded("results/run-1")]
    observer.began(FILES, PLAN)
    assert (observer.run_on, observer.failure) == (True, "")


def test_a_run_that_did_not_begin_is_said_and_nobody_is_told_of_its_end() -> None:
    parent = FakeParent(url=HOST)
    observer = PageObserver(Live(), RunsTable(), parent)
    observer.failed("the queue cannot be configured")
    gevent.sleep(0)
    assert (observer.run_on, observer.failure) == (False, "the queue cannot be configured")
    assert parent.asked == []
