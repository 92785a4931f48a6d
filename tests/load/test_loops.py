from collections.abc import Callable, Iterator
from itertools import count
from time import perf_counter
from typing import Any

import gevent
import pytest
from gevent.event import Event

from loadtests.load import loops
from loadtests.load.figures import load_result
from loadtests.load.loops import ClosedLoop, OpenLoop
from loadtests.load.outcome import ALL_QUEUED, Fate, PushOutcome, no_answer
from loadtests.load.plan import LoadPlan
from loadtests.load.producer import Producer, Sender
from loadtests.load.recorder import Attempt, Recorder

DEADLINE_S = 5.0
BUSY = PushOutcome((Fate.REFUSED,), 429, "queue_full", "full")


class FakeSender:
    """Answers what `judge` says for the n-th push; `bodies` are all that it was given."""

    def __init__(self, judge: Callable[[int], Attempt]) -> None:
        self._judge = judge
        self.bodies: list[bytes] = []

    def push(self, body: bytes, batch: int) -> Attempt:
        self.bodies.append(body)
        gevent.sleep(0)
        return self._judge(len(self.bodies))


def answered(outcome: PushOutcome = ALL_QUEUED, retry_after_s: float | None = None) -> Attempt:
    now = perf_counter()
    return Attempt(outcome, now, now, 0, retry_after_s)


class Scene:
    """A recorder, a producer and an end, for one loop."""

    def __init__(self, **changes: Any) -> None:
        given: dict[str, Any] = {"host": "http://x", "trial_directory": "x", "run_tag": "t", "batch": 2}
        plan = LoadPlan(**(given | changes))
        self.recorder = Recorder(plan)
        self.producer = Producer(plan, 0, self.recorder, lambda due_s, attempt: None)
        self.stopping = Event()

    def closed(self, sender: Sender) -> ClosedLoop:
        return ClosedLoop(self.producer, sender, self.recorder, self.stopping)

    def open(self, sender: Sender, due_times: Iterator[float], *, cap: int) -> OpenLoop:
        return OpenLoop(
            self.producer,
            lambda: sender,
            self.recorder,
            self.stopping,
            due_times=due_times,
            start_time=perf_counter,
            cap=cap,
        )


def until(condition: Callable[[], bool]) -> None:
    with gevent.Timeout(DEADLINE_S):
        while not condition():
            gevent.sleep(0.001)


def test_the_closed_loop_pushes_again_after_each_answer_until_it_is_stopped() -> None:
    scene = Scene()
    sender = FakeSender(lambda number: (scene.stopping.set() if number == 5 else None) or answered())
    scene.closed(sender).run()
    assert load_result(scene.recorder.part()).requests_ok == 5
    assert scene.recorder.part().ledger[0].acknowledged == ((0, 9),)


@pytest.mark.parametrize("status", [429, 503])
def test_the_closed_loop_obeys_retry_after_within_bounds(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, "MAX_PAUSE_S", 0.05)
    scene = Scene()
    busy = PushOutcome((Fate.REFUSED,), status, "busy", "busy")
    sender = FakeSender(
        lambda number: (scene.stopping.set() if number == 3 else None) or answered(busy, 3600.0)
    )
    begun_s = perf_counter()
    scene.closed(sender).run()
    assert 0.1 <= perf_counter() - begun_s < DEADLINE_S  # two bounded pauses; the third ends at once
    assert load_result(scene.recorder.part()).retry_pauses == 3


def test_a_retry_after_of_0_does_not_make_the_closed_loop_spin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "FAILURE_PAUSE_S", 0.05)
    scene = Scene()
    sender = FakeSender(lambda number: (scene.stopping.set() if number == 3 else None) or answered(BUSY, 0.0))
    begun_s = perf_counter()
    scene.closed(sender).run()
    assert perf_counter() - begun_s >= 0.1  # two least pauses; the third ends at once


def test_a_stop_ends_the_pause_at_once() -> None:
    scene = Scene()
    loop = gevent.spawn(scene.closed(FakeSender(lambda _: answered(BUSY, 4.0))).run)
    until(lambda: scene.recorder.part().counts.pauses == 1)
    scene.stopping.set()
    loop.join(timeout=1.0)
    assert loop.ready()


def test_open_loop_pushes_go_out_on_time_although_no_answer_comes() -> None:
    scene = Scene(loop="open", interval_ms=10.0)
    answers, sent_at = Event(), []

    def slow(_: int) -> Attempt:
        sent_at.append(perf_counter())
        answers.wait()
        return answered()

    loop = gevent.spawn(scene.open(FakeSender(slow), (0.01 * k for k in range(10)), cap=100).run)
    until(lambda: len(sent_at) == 10)
    assert load_result(scene.recorder.part()).requests_sent == 0  # not one is answered
    answers.set()
    loop.join(timeout=DEADLINE_S)
    assert sent_at[-1] - sent_at[0] >= 0.08
    assert scene.recorder.part().ledger[0].acknowledged == ((0, 19),)


def test_what_is_due_over_the_cap_is_missed_not_sent_later() -> None:
    scene = Scene(loop="open", interval_ms=1.0)
    answers = Event()

    def slow(_: int) -> Attempt:
        answers.wait()
        return answered()

    sender = FakeSender(slow)
    loop = gevent.spawn(scene.open(sender, (0.0 for _ in range(10)), cap=3).run)
    until(lambda: scene.recorder.part().counts.missed == 7)
    answers.set()
    loop.join(timeout=DEADLINE_S)
    assert len(sender.bodies) == 3


@pytest.mark.parametrize("loop", ["open", "closed"])
def test_a_push_that_is_cut_off_has_an_unknown_outcome(loop: str) -> None:
    scene = Scene(loop=loop, interval_ms=1.0)
    never = Event()
    sender = FakeSender(lambda _: never.wait())
    made = scene.open(sender, (0.001 * k for k in count()), cap=2) if loop == "open" else scene.closed(sender)
    running = gevent.spawn(made.run)
    pushes = 2 if loop == "open" else 1
    until(lambda: len(sender.bodies) == pushes)
    running.kill(timeout=DEADLINE_S)
    assert scene.recorder.part().ledger[0].unknown == ((0, 2 * pushes - 1),)
    assert load_result(scene.recorder.part()).total_messages_unknown == 2 * pushes


@pytest.mark.parametrize("failure", [no_answer("reset"), PushOutcome((Fate.UNKNOWN,), 500, "http_500"), BUSY])
def test_a_server_that_is_gone_or_fails_at_once_does_not_make_the_generator_spin(
    failure: PushOutcome,
) -> None:
    scene = Scene()
    sender = FakeSender(lambda _: answered(failure))
    loop = gevent.spawn(scene.closed(sender).run)
    until(lambda: len(sender.bodies) == 3)
    scene.stopping.set()
    loop.join(timeout=DEADLINE_S)
    assert perf_counter() - scene.recorder.part().started_monotonic_s >= 2 * loops.FAILURE_PAUSE_S
    assert scene.recorder.part().counts.pauses == 0  # nothing asked for it
