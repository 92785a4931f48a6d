"""Windows and their steps: where everything is counted, and that shards of a stream make the whole."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from loadtests.load.measuring import past_steps
from loadtests.load.measuring.attempt import Attempt
from loadtests.load.measuring.outcome import ALL_QUEUED, Fate, PushOutcome, no_answer
from loadtests.load.measuring.part import Part, Step, merge
from loadtests.load.measuring.recorder import Recorder
from loadtests.load.plan import LoadPlan
from loadtests.results import Loop
from tests.clock import Clock

REFUSED = PushOutcome((Fate.REFUSED,), 503, "pool_timeout", "timeout")
PARTLY = PushOutcome((Fate.ACKNOWLEDGED, Fate.DUPLICATE), 201, "item_failed", "no")
BATCH = 2


def recorder(worker: int = 0, clock: Clock | None = None, *, loop: Loop = "open") -> Recorder:
    plan = LoadPlan(host="http://x", trial_directory="x", run_tag="t", loop=loop, worker=worker)
    return Recorder(plan, clock or Clock())


def steps_of(part: Part) -> list[tuple[int, int, int, int]]:
    """Index, due, sent and acknowledged of each step in which anything was."""
    return [
        (step.index, step.due, step.sent, step.acknowledged)
        for step in part.steps
        if step.due or step.acknowledged
    ]


def test_a_push_is_due_in_one_step_and_acknowledged_in_another() -> None:
    measured = recorder()
    account = measured.account(0, "p0")
    measured.pushed(account, 0, 9, 0.5, Attempt(ALL_QUEUED, 0.6, 0.6, 3.2))
    measured.pushed(account, 10, 19, 3.1, Attempt(ALL_QUEUED, 3.1, 3.1, 3.3))
    measured.pushed(account, 20, 29, 0.7, Attempt(REFUSED, 0.7, 0.7, 4.0))
    measured.missed(1.5)
    measured.held(2.5)
    part = measured.part()
    assert steps_of(part) == [(0, 2, 2, 0), (1, 1, 0, 0), (2, 1, 0, 0), (3, 1, 1, 20)]
    first = part.steps[0]
    assert (first.service.count, first.lag.count) == (1, 2)
    assert first.response.max_s == pytest.approx(2.7)
    assert (part.counts.ok, part.counts.not_done, part.counts.missed, part.counts.held) == (2, 1, 1, 1)


def test_what_is_not_answered_yet_is_due_and_pending() -> None:
    measured = recorder()
    account = measured.account(0, "p0")
    account.in_flight = {0: (0.5, 0.5), 10: (2.5, 2.5)}
    part = measured.part()
    assert part.counts.pending == 2
    assert steps_of(part) == [(0, 1, 0, 0), (2, 1, 0, 0)]


def test_a_late_answer_goes_to_the_window_in_which_it_was_due() -> None:
    clock = Clock()
    measured = recorder(clock=clock)
    account = measured.account(0, "p0")
    clock.now_s = 10.0
    assert measured.open_window() == 1
    clock.now_s = 20.0
    measured.close_window()
    clock.now_s = 25.0
    assert measured.open_window() == 2
    measured.pushed(account, 0, 9, 19.5, Attempt(ALL_QUEUED, 19.5, 19.5, 26.0))
    measured.pushed(account, 10, 19, 22.0, Attempt(ALL_QUEUED, 22.0, 22.0, 26.0))  # between the windows
    measured.pushed(account, 20, 29, 26.0, Attempt(ALL_QUEUED, 26.0, 26.0, 27.0))
    first, second = measured.part(1), measured.part(2)
    assert (first.counts.ok, first.counts.acknowledged) == (1, 0)
    assert (second.counts.ok, second.counts.acknowledged) == (1, 30)
    assert first.workers[0].measured_s == 10.0
    assert first.warmup_s == 10.0
    both = measured.part()
    assert (both.counts.ok, both.window, both.started_monotonic_s) == (2, 2, 10.0)
    assert both.ledger[0].acknowledged == ((0, 29),)
    with pytest.raises(ValueError, match="window 3 was never opened"):
        measured.part(3)


def test_a_window_of_any_length_has_a_bounded_number_of_steps() -> None:
    measured = recorder()
    account = measured.account(0, "p0")
    for second in range(5 * past_steps.MAX_STEPS + 1):
        measured.pushed(account, second, second, second, Attempt(ALL_QUEUED, second, second, second + 0.01))
    measured.missed(0.0)
    part = measured.part()
    assert part.step_s == 8
    assert len(part.steps) <= past_steps.MAX_STEPS
    assert sum(step.due for step in part.steps) == 5 * past_steps.MAX_STEPS + 2
    assert part.steps[0].due == 9
    assert part.counts.ok == part.service.count == 5 * past_steps.MAX_STEPS + 1


def test_a_checkpoint_may_leave_the_steps_out() -> None:
    measured = recorder()
    measured.missed(0.5)
    checkpoint, whole = measured.part(steps=False), measured.part()
    assert len(whole.steps) == 1
    assert without_clocks(checkpoint) == replace(without_clocks(whole), steps=())


attempts = st.lists(
    st.tuples(
        st.floats(0, 60, allow_subnormal=False),  # due
        st.floats(0, 1),  # lag
        st.floats(0, 9),  # service
        st.sampled_from([ALL_QUEUED, ALL_QUEUED, REFUSED, PARTLY, no_answer("reset")]),
        st.integers(0, 1),  # producer
        st.integers(0, 2),  # shard
    ),
    max_size=40,
)
events = st.lists(
    st.tuples(st.sampled_from(["missed", "held", "paused"]), st.floats(0, 60), st.integers(0, 2)), max_size=10
)


@pytest.mark.parametrize("loop", ["open", "closed"])
@given(attempts=attempts, events=events)
def test_shards_of_one_stream_merged_are_exactly_the_whole(
    loop: Loop, attempts: list[Any], events: list[tuple[str, float, int]]
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(past_steps, "MAX_STEPS", 8)  # so that steps double, in each shard at another time
        whole, *shards = (recorder(worker, loop=loop) for worker in range(4))
        accounts = [[each.account(number, f"p{number}") for number in range(2)] for each in (whole, *shards)]
        for first, (due_s, lag_s, service_s, outcome, producer, shard) in enumerate(attempts):
            sent_s = due_s + lag_s
            attempt = Attempt(outcome, sent_s, sent_s, sent_s + service_s)
            for each, number in ((whole, 0), (shards[shard], shard + 1)):
                each.pushed(
                    accounts[number][producer], first * BATCH, first * BATCH + BATCH - 1, due_s, attempt
                )
        for name, at_s, shard in events:
            for each in (whole, shards[shard]):
                getattr(each, name)(at_s)
        merged, of_whole = merge([shard.part() for shard in reversed(shards)]), whole.part()
    assert without_clocks(merged) == without_clocks(of_whole)
    sums = [sum(getattr(step, name) for step in merged.steps) for name in ("sent", "missed", "acknowledged")]
    assert sums == [merged.counts.sent, merged.counts.missed, merged.counts.acknowledged]
    assert sum(step.service.count for step in merged.steps) == merged.service.count == merged.counts.ok


def without_clocks(part: Part) -> Part:
    """What does not depend on when and by whom it was recorded; steps without anything are no steps."""
    steps = tuple(step for step in part.steps if step != Step(step.window, step.index))
    return replace(part, started_at="", workers=(), steps=steps)
