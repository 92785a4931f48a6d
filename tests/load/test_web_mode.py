"""The events of a Locust process that a person started, in an order that Locust's start-up makes possible."""

from argparse import Namespace
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import gevent
import pytest
from gevent.event import Event
from locust.env import Environment

from loadtests.load import interrupts, web_mode
from loadtests.load.web_mode import Session
from tests.load.waiting import until

DEADLINE_S = 5.0
ENVIRONMENT = Environment(parsed_options=Namespace())


def test_a_worker_that_is_told_to_start_while_it_still_connects_waits_until_it_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[bool] = []
    attending = SimpleNamespace(begin=lambda: begun.append(True))
    monkeypatch.setattr(web_mode, "Attending", lambda _environment, _runner: attending)
    monkeypatch.setattr(web_mode, "read_options", lambda _parsed: None)
    monkeypatch.setattr(interrupts, "install", lambda *_: None)
    monkeypatch.setattr(web_mode, "WorkerRunner", SimpleNamespace)
    environment = Environment(parsed_options=Namespace(worker=True))
    session = Session("high")

    starting = gevent.spawn(session.on_test_start, environment)
    gevent.sleep()
    assert not starting.ready()
    environment.runner = cast(Any, SimpleNamespace())
    session.on_init(environment, web_ui=None)
    starting.join(DEADLINE_S)
    assert starting.successful()
    assert begun == [True]


def test_a_defect_at_the_begin_of_a_run_is_said_and_leaves_none_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(web_mode, "read_options", lambda _parsed: None)
    monkeypatch.setattr(web_mode, "choose_users", lambda *_: None)
    session, said, stopped = Session("high"), list[str](), list[bool]()

    def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(session, "_begin", broken)
    monkeypatch.setattr(session._page, "failed", said.append)
    session._ready.set()
    runner = SimpleNamespace(state="stopped", stop=lambda: stopped.append(True))
    environment = Environment(parsed_options=Namespace(headless=False))
    environment.runner = cast(Any, runner)
    deals = Event()

    def start() -> None:
        session.on_test_start(environment)
        deals.wait()  # as Locust may, on its way from the one to the other
        runner.state = "spawning"
        Event().wait()  # until it is killed

    starting = gevent.spawn(start)
    gevent.idle()
    assert said == ["no run: RuntimeError('a defect')"]
    assert stopped == [], "of a start that has not begun to deal users out Locust stops nothing"
    deals.set()
    until(lambda: stopped)
    starting.kill()


def test_a_start_that_is_stopped_while_it_is_under_way_is_over_and_said_to_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(web_mode, "read_options", lambda _parsed: None)
    monkeypatch.setattr(web_mode, "choose_users", lambda *_: None)
    session, said = Session("high"), list[str]()
    monkeypatch.setattr(session, "_begin", lambda *_: Event().wait())
    monkeypatch.setattr(session._page, "failed", said.append)
    session._ready.set()
    starting = gevent.spawn(session.on_test_start, Environment(parsed_options=Namespace()))
    gevent.sleep()
    assert said == []
    starting.kill()
    assert said == ["no run: it was stopped before it had begun"]


class FakeRun:
    """Writes down what it is told; its results are written when they may be."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.may_write = Event()
        self.record = SimpleNamespace(files=SimpleNamespace(root="results"))

    def finish(self) -> None:
        self.told.append("finish")

    def write(self, _recorded: Callable[[], None]) -> int:
        self.may_write.wait(DEADLINE_S)
        self.told.append("write")
        return 0


@pytest.fixture
def run() -> FakeRun:
    return FakeRun()


@pytest.fixture
def session(run: FakeRun, monkeypatch: pytest.MonkeyPatch) -> Session:
    """One whose run is on."""
    monkeypatch.setattr(web_mode, "read_options", lambda _parsed: None)
    monkeypatch.setattr(web_mode, "choose_users", lambda *_: None)
    session = Session("high")
    monkeypatch.setattr(session, "_begin", lambda *_: run)
    session._ready.set()
    session.on_test_start(ENVIRONMENT)
    return session


def test_the_end_of_a_start_that_failed_is_not_that_of_the_run_behind_it(
    session: Session, run: FakeRun
) -> None:
    """A master tells of it late."""
    run.may_write.set()
    session.on_test_stop(ENVIRONMENT)
    assert run.told == []
    session.on_test_stopping()
    session.on_test_stop(ENVIRONMENT)
    session.on_test_stop(ENVIRONMENT)
    assert run.told == ["finish", "write"]


def test_whoever_tells_of_the_end_returns_when_the_results_are_written(
    session: Session, run: FakeRun
) -> None:
    session.on_test_stopping()
    ends = [gevent.spawn(session.on_test_stop, ENVIRONMENT) for _ in range(2)]
    gevent.sleep(0.01)
    assert not any(end.ready() for end in ends)
    run.may_write.set()
    gevent.joinall(ends, timeout=DEADLINE_S, raise_error=True)
    assert run.told == ["finish", "write"]
    assert all(end.ready() for end in ends)
