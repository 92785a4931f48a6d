from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import count
from time import perf_counter
from typing import Any

import gevent
import pytest
from gevent.event import Event

from loadtests.load.conducting.course import Stage
from loadtests.load.conducting.stages import RunningStage, Stages
from loadtests.load.measuring.attempt import Attempt
from loadtests.load.measuring.figures import load_result
from loadtests.load.measuring.outcome import ALL_QUEUED, Fate, PushOutcome, no_answer
from loadtests.load.measuring.part import Counts
from loadtests.load.measuring.recorder import Recorder
from loadtests.load.plan import LoadPlan
from loadtests.load.producing import backpressure, loops
from loadtests.load.producing.backpressure import HoldBack
from loadtests.load.producing.loops import ClosedLoop, OpenLoop
from loadtests.load.producing.producer import Producer, Sender
from tests.attempts import attempts, in_time
from tests.load.waiting import block_until, until

DEADLINE_S = 5.0
BUSY = PushOutcome((Fate.REFUSED,), 429, "queue_full", "full")


DueTimes = Iterable[float] | Callable[[Stage], Iterator[float]]
Cap = int | Callable[[], int]
FIRST = Stage(number=1, label="first", rate_msg_s=None)
SECOND = Stage(number=2, label="second", rate_msg_s=None)


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
    return Attempt(outcome, now, now, now, 0, retry_after_s)


class Scene:
    """A recorder, a producer and an end, for one loop."""

    def __init__(self, **changes: Any) -> None:
        given: dict[str, Any] = {"host": "http://x", "trial_directory": "x", "run_tag": "t", "batch": 2}
        plan = LoadPlan(**(given | changes))
        self.recorder = Recorder(plan)
        self.producer = Producer(plan, 0, self.recorder, lambda due_s, attempt: None)
        self.stopping = Event()
        self.stages = Stages(FIRST)
        self.hold = HoldBack(self.recorder, lambda seconds: None)

    def closed(self, sender: Sender) -> ClosedLoop:
        return ClosedLoop(self.producer, sender, self.hold, self.stopping)

    def open(self, sender: Sender, due_times: DueTimes, *, cap: Cap) -> OpenLoop:
        return OpenLoop(
            self.producer,
            lambda: sender,
            self.recorder,
            self.stopping,
            stages=self.stages,
            due_times=due_times if callable(due_times) else lambda _: iter(due_times),
            cap=lambda _: cap() if callable(cap) else cap,
            hold=self.hold,
        )

    def start_open(
        self,
        sender: Sender,
        due_times: DueTimes,
        *,
        cap: Cap = 100,
    ) -> gevent.Greenlet:
        return gevent.spawn(self.open(sender, due_times, cap=cap).run)

    def end(self, loop: gevent.Greenlet) -> None:
        self.stopping.set()
        loop.join(timeout=DEADLINE_S)
        assert loop.ready()


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
    monkeypatch.setattr(backpressure, "MAX_HOLD_S", 0.05)
    scene = Scene()
    busy = PushOutcome((Fate.REFUSED,), status, "busy", "busy")
    sender = FakeSender(
        lambda number: (scene.stopping.set() if number == 3 else None) or answered(busy, 3600.0)
    )
    begun_s = perf_counter()
    scene.closed(sender).run()
    assert 0.1 <= perf_counter() - begun_s < DEADLINE_S  # two bounded holds; the third ends at once
    assert load_result(scene.recorder.part()).retry_pauses == 3


def test_a_retry_after_of_0_does_not_make_the_closed_loop_spin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backpressure, "LEAST_HOLD_S", 0.05)
    scene = Scene()
    sender = FakeSender(lambda number: (scene.stopping.set() if number == 3 else None) or answered(BUSY, 0.0))
    begun_s = perf_counter()
    scene.closed(sender).run()
    assert perf_counter() - begun_s >= 0.1  # two least pauses; the third ends at once


def test_a_stop_ends_the_pause_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backpressure, "MAX_HOLD_S", 60.0)
    scene = Scene()
    loop = gevent.spawn(scene.closed(FakeSender(lambda _: answered(BUSY, 60.0))).run)
    until(lambda: scene.recorder.part().counts.pauses == 1)
    scene.stopping.set()
    loop.join(timeout=DEADLINE_S)
    assert loop.ready()


def test_open_loop_pushes_go_out_on_time_although_no_answer_comes() -> None:
    scene = Scene(loop="open", interval_ms=10.0)
    answers, sent_at = Event(), []

    def slow(_: int) -> Attempt:
        sent_at.append(perf_counter())
        answers.wait()
        return answered()

    begun_s = perf_counter()
    loop = scene.start_open(FakeSender(slow), [0.01 * k for k in range(10)])
    until(lambda: len(sent_at) == 10)
    assert load_result(scene.recorder.part()).requests_sent == 0  # not one is answered
    answers.set()
    scene.end(loop)
    assert sent_at[-1] - begun_s >= 0.09
    assert scene.recorder.part().ledger[0].acknowledged == ((0, 19),)


def test_what_is_due_over_the_cap_is_missed_not_sent_later() -> None:
    scene = Scene(loop="open", interval_ms=1.0)
    answers = Event()

    def slow(_: int) -> Attempt:
        answers.wait()
        return answered()

    sender = FakeSender(slow)
    loop = scene.start_open(sender, [0.0] * 10, cap=3)
    until(lambda: scene.recorder.part().counts.missed == 7)
    answers.set()
    scene.end(loop)
    assert len(sender.bodies) == 3


def test_a_new_stage_has_a_schedule_of_its_own_from_its_start_on() -> None:
    scene = Scene(loop="open", interval_ms=1.0)
    sender = FakeSender(lambda _: answered())
    due = {1: [0.0, 30.0], 2: [0.0, 0.001, 0.002]}
    loop = scene.start_open(sender, lambda stage: iter(due[stage.number]))
    until(lambda: scene.recorder.part().counts.ok == 1)
    scene.stages.start(SECOND)
    until(lambda: scene.recorder.part().counts.ok == 4)  # what was due in 30 s was of a stage that is over
    scene.end(loop)
    assert len(sender.bodies) == 4


def test_a_loop_that_is_late_sends_what_was_due_before_the_new_stage() -> None:
    scene = Scene(loop="open", interval_ms=1.0)
    sender = FakeSender(lambda _: answered())
    scene.stages.current = RunningStage(FIRST, perf_counter() - 0.1)
    due = {1: [0.0, 0.01, 0.02, 30.0], 2: [30.0]}
    loop = scene.start_open(sender, lambda stage: iter(due[stage.number]))
    gevent.sleep(0)  # the loop waits for its turn to send the first
    scene.stages.start(SECOND)
    until(lambda: len(sender.bodies) == 3)
    scene.end(loop)
    assert len(sender.bodies) == 3


@pytest.mark.parametrize("ended", [False, True])
def test_a_stage_that_was_over_before_a_late_loop_came_to_it_is_not_forgotten(ended: bool) -> None:
    scene = Scene(loop="open", interval_ms=1.0)
    sender = FakeSender(lambda _: answered())
    due = {1: [0.0, 30.0], 2: [0.0, 0.001, 30.0], 3: [30.0]}
    loop = scene.start_open(sender, lambda stage: iter(due[stage.number]))
    until(lambda: len(sender.bodies) == 1)
    for stage in (SECOND, Stage(number=3, label="third", rate_msg_s=None)):
        scene.stages.start(stage)
        while perf_counter() < scene.stages.current.started_at + 0.11:
            pass  # the process gets no turn
    if ended:
        scene.stopping.set()
    until(lambda: scene.recorder.part().counts.ok + scene.recorder.part().counts.missed == 3)
    assert scene.recorder.part().counts.missed == (2 if ended else 0)
    scene.end(loop)
    assert scene.recorder.part().counts.ok == (1 if ended else 3)  # nothing that was due after its stage


def test_a_loop_that_comes_late_begins_now_and_makes_nothing_up() -> None:
    scene = Scene(loop="open", interval_ms=1.0)
    sender = FakeSender(lambda _: answered())
    scene.stages.current = RunningStage(FIRST, perf_counter() - 3600)
    loop = scene.start_open(sender, [0.0, 3000.0])
    until(lambda: len(sender.bodies) == 1)
    scene.end(loop)
    assert len(sender.bodies) == 1


def test_a_rest_ends_when_the_next_stage_or_the_end_comes() -> None:
    scene = Scene(loop="open", interval_ms=1.0)
    sender = FakeSender(lambda _: answered())
    due: dict[int, list[float]] = {1: [], 2: [0.0]}
    loop = scene.start_open(sender, lambda stage: iter(due[stage.number]))
    gevent.sleep(0)
    scene.stages.start(SECOND)
    until(lambda: len(sender.bodies) == 1)
    scene.end(loop)


def test_what_could_not_be_sent_before_the_end_is_missed_not_forgotten() -> None:
    scene = Scene(loop="open", interval_ms=1.0)
    sender = FakeSender(lambda _: answered())

    def schedule() -> Iterator[float]:
        yield 0.0
        yield 0.0
        while perf_counter() < scene.stages.current.started_at + 0.3:
            pass  # the process gets no turn
        scene.recorder.close_window()
        scene.stopping.set()
        yield from [0.01, 0.02, 0.03, 30.0]

    loop = scene.start_open(sender, lambda _: schedule())
    loop.join(timeout=DEADLINE_S)
    counts = scene.recorder.part().counts
    assert (counts.ok, counts.missed) == (2, 3)


def test_a_loop_that_is_killed_while_it_catches_up_counts_what_it_has_not_sent_as_missed() -> None:
    scene = Scene(loop="open", interval_ms=1.0)
    sender = FakeSender(lambda _: answered())

    def schedule(stage: Stage) -> Iterator[float]:
        yield 0.0
        if stage.number == 2:
            yield from [0.001, 0.002, 30.0]
        scene.stages.start(SECOND)
        while perf_counter() < scene.stages.current.started_at + 0.2:
            pass  # the process gets no turn
        scene.recorder.close_window()
        scene.stopping.set()
        running.kill(block=False)

    running = scene.start_open(sender, schedule)
    running.join(timeout=DEADLINE_S)
    counts = scene.recorder.part().counts
    assert (counts.ok, counts.unknown, counts.missed) == (1, 0, 3)  # of both stages


def test_a_push_that_is_killed_before_its_turn_is_missed() -> None:
    scene = Scene(loop="open", interval_ms=1.0)
    sender = FakeSender(lambda _: answered())

    def kill_before_the_push_has_its_turn() -> int:
        running.kill(block=False)
        return 100

    running = scene.start_open(sender, [0.0, 30.0], cap=kill_before_the_push_has_its_turn)
    running.join(timeout=DEADLINE_S)
    assert (scene.recorder.part().counts.missed, sender.bodies) == (1, [])


def test_a_producer_is_there_from_the_start_of_its_schedule_until_it_is_stopped() -> None:
    scene = Scene(loop="open", interval_ms=1.0)
    loop = scene.start_open(FakeSender(lambda _: answered()), [0.0, 30.0])
    until(lambda: scene.recorder.part().counts.ok == 1)
    scene.end(loop)
    until(lambda: perf_counter() > scene.stages.current.started_at + 0.1)
    (share,) = scene.recorder.part().workers
    assert share.producer_s is not None
    assert 0 < share.producer_s < share.measured_s


def has_sent(sender: FakeSender, pushes: int) -> bool:
    return len(sender.bodies) >= pushes


def test_what_is_due_in_a_hold_of_an_open_loop_is_held_neither_missed_nor_sent_later() -> None:
    for attempt in attempts():
        scene, begun_s, answers_s = Scene(loop="open", interval_ms=1.0), perf_counter(), list[float]()

        def judge(number: int, answers_s: list[float] = answers_s) -> Attempt:
            answers_s.append(perf_counter())
            return answered(BUSY, 0.2) if number == 1 else answered()

        with attempt:
            sender = FakeSender(judge)
            loop = scene.start_open(sender, [0.0, 0.05, 0.1, 0.15, 0.4, 30.0])
            until(partial(has_sent, sender, 2))
            scene.end(loop)
            in_time(answers_s[0] - begun_s, 0.05)  # or the loop is late for what is due next
            part = scene.recorder.part()
            assert (part.counts.held, part.counts.missed, part.counts.pauses) == (3, 0, 1)
            assert (part.counts.ok, part.counts.not_done) == (1, 1)
            assert part.held.count == 1
            assert part.held.max_s == pytest.approx(0.2)


def test_what_a_late_loop_had_not_sent_when_a_hold_began_is_missed_not_held() -> None:
    for attempt in attempts():
        with attempt:
            counts, pushes, blocked_s = refused_after_a_block()
            in_time(blocked_s, 0.4)  # or more is due before the hold
            assert pushes == 2, "what was due just before is let through"
            assert (counts.missed, counts.held, counts.not_done) == (2, 1, 2)


def refused_after_a_block() -> tuple[Counts, int, float]:
    """What was counted, how many pushes were sent, and when the first was answered: s after the start."""
    scene, begun_s, answers_s = Scene(loop="open", interval_ms=1.0), perf_counter(), list[float]()

    def block_then_refuse(number: int) -> Attempt:
        block_until(begun_s + 0.3)
        answers_s.append(perf_counter() - begun_s)
        return answered(BUSY, 0.3)

    def all_are_counted() -> bool:
        counts = scene.recorder.part().counts
        return counts.missed + counts.held + counts.not_done == 5

    sender = FakeSender(block_then_refuse)
    loop = scene.start_open(sender, [0.0, 0.05, 0.1, 0.25, 0.4, 30.0])
    until(all_are_counted)
    scene.end(loop)
    return scene.recorder.part().counts, len(sender.bodies), answers_s[0]


@pytest.mark.parametrize("loop", ["open", "closed"])
def test_a_push_that_is_cut_off_has_an_unknown_outcome(loop: str) -> None:
    scene = Scene(loop=loop, interval_ms=1.0)
    never = Event()
    sender = FakeSender(lambda _: never.wait())
    made = (
        scene.open(sender, lambda _: (0.001 * k for k in count()), cap=2)
        if loop == "open"
        else scene.closed(sender)
    )
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
