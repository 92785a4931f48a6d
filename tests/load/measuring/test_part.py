"""Shards of one stream, recorded apart and merged, are exactly the whole."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from loadtests.ledger.intervals import IntervalSet
from loadtests.ledger.multiset import Layers
from loadtests.load.measuring.histogram import HistogramCounts, LatencyHistogram
from loadtests.load.measuring.part import (
    Counts,
    Lane,
    Part,
    Step,
    coarser,
    lost,
    merge,
)
from loadtests.results import ErrorCount, ProducerLedger, WorkerShare


def held(*durations_s: float) -> HistogramCounts:
    histogram = LatencyHistogram()
    for duration_s in durations_s:
        histogram.record(duration_s)
    return histogram.counts()


def nested(sets: list[tuple[tuple[int, int], ...]]) -> Layers:
    """Layers as they occur: each within the one before."""
    found, within = [], None
    for each in sets:
        within = IntervalSet(each) if within is None else within & IntervalSet(each)
        found.append(within.intervals)
    return tuple(layer for layer in found if layer)


numbers = st.integers(0, 50)
intervals = st.lists(st.tuples(numbers, st.integers(0, 5)).map(lambda pair: (pair[0], sum(pair))), max_size=4)
intervals_of_a_set = intervals.map(lambda pairs: IntervalSet(pairs).intervals)
histograms = st.lists(st.floats(0, 4000), max_size=5).map(lambda values: held(*values))
counts = st.builds(Counts, *[numbers] * len(Counts.__struct_fields__))
errors = st.lists(
    st.builds(
        ErrorCount,
        status=st.sampled_from([0, 503]),
        code=st.sampled_from("ab"),
        text=st.just("t"),
        requests=numbers,
    ),
    max_size=4,
).map(tuple)
ledgers = st.lists(
    st.builds(
        ProducerLedger,
        producer=st.integers(0, 2),
        partition=st.just("p0"),
        acknowledged=intervals_of_a_set,
        unknown=intervals_of_a_set,
        unheard=st.booleans(),
    ),
    max_size=3,
    unique_by=lambda ledger: ledger.producer,
).map(tuple)
layers = st.lists(intervals_of_a_set, max_size=3).map(nested)
lanes = st.lists(
    st.builds(
        Lane,
        worker=st.integers(0, 1),
        group=st.just("g"),
        partition=st.just("p0"),
        producer=numbers,
        delivered=layers,
        nacked=layers,
        late=intervals_of_a_set,
        full=st.booleans(),
    ),
    max_size=3,
    unique_by=lambda lane: (lane.worker, lane.producer),
).map(tuple)
steps = st.lists(
    st.builds(
        Step,
        window=st.integers(1, 2),
        index=st.integers(0, 6),
        due=numbers,
        sent=numbers,
        acknowledged=numbers,
        service=histograms,
    ),
    max_size=4,
    unique_by=lambda step: (step.window, step.index),
).map(lambda found: tuple(sorted(found, key=lambda step: (step.window, step.index))))


def share(worker: int, window: int = 1) -> WorkerShare:
    return WorkerShare(
        worker=worker, host="h", cpu_s=0.1, measured_s=1.0, producers=1, heard_at="2026-01-01", window=window
    )


def part(**changes: Any) -> Part:
    given: dict[str, Any] = {
        "run_tag": "t1",
        "window": 1,
        "started_at": "2026-01-01T00:00:00.000+00:00",
        "started_monotonic_s": 5.0,
        "warmup_s": 1.0,
    }
    return Part(**(given | changes))


@st.composite
def several_parts(draw: st.DrawFn) -> list[Part]:
    """Parts of the workers 0, 1, … of one run."""
    made = st.builds(
        part,
        started_at=st.sampled_from(["2026-01-01T00:00:00.000+00:00", "2026-01-01T00:00:00.001+00:00"]),
        started_monotonic_s=st.floats(0, 10),
        counts=counts,
        service=histograms,
        response=histograms,
        lag=histograms,
        errors=errors,
        ledger=ledgers,
        lanes=lanes,
        steps=steps,
        step_s=st.sampled_from([1, 2, 4]),
    )
    drawn = draw(st.lists(made, min_size=1, max_size=4))
    return [replace(each, workers=(share(worker),)) for worker, each in enumerate(drawn)]


@given(several_parts(), st.randoms(use_true_random=False), st.integers(1, 3))
def test_the_order_and_the_grouping_of_a_merge_do_not_matter(parts: list[Part], dice: Any, at: int) -> None:
    whole = merge(parts)
    shuffled = list(parts)
    dice.shuffle(shuffled)
    assert merge(shuffled) == whole
    groups = [group for group in (shuffled[:at], shuffled[at:]) if group]
    assert merge([merge(group) for group in groups]) == whole


@given(several_parts())
def test_what_is_counted_is_the_sum(parts: list[Part]) -> None:
    whole = merge(parts)
    for name in Counts.__struct_fields__:
        assert getattr(whole.counts, name) == sum(getattr(each.counts, name) for each in parts)
    assert whole.service.count == sum(each.service.count for each in parts)
    assert sum(step.due for step in whole.steps) == sum(step.due for each in parts for step in each.steps)
    assert sum(error.requests for error in whole.errors) == sum(
        error.requests for each in parts for error in each.errors
    )


@given(several_parts())
def test_a_part_survives_the_wire(parts: list[Part]) -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(merge(parts)), type=Part) == merge(parts)


@given(several_parts())
def test_ledger_and_lanes_of_the_whole_run_may_be_reported_again(parts: list[Part]) -> None:
    whole = merge(parts)
    again = merge([whole, part(ledger=whole.ledger, lanes=whole.lanes)])
    assert (again.ledger, again.lanes) == (whole.ledger, whole.lanes)


def test_a_ledger_in_shards_is_the_union_of_its_intervals() -> None:
    first = ProducerLedger(producer=0, partition="p0", acknowledged=((0, 9), (20, 29)), unknown=((40, 49),))
    second = ProducerLedger(producer=0, partition="p0", acknowledged=((10, 19),), refused=((30, 39),))
    other = ProducerLedger(producer=1, partition="p0", acknowledged=((0, 9),))
    assert merge([part(ledger=(other, first)), part(ledger=(second,))]).ledger == (
        ProducerLedger(
            producer=0,
            partition="p0",
            acknowledged=((0, 29),),
            unknown=((40, 49),),
            refused=((30, 39),),
        ),
        other,
    )


def test_a_lane_that_was_reported_twice_counts_once_and_workers_stay_apart() -> None:
    early = Lane(0, "g", "p0", 3, delivered=(((0, 9),),), late=((3, 3),))
    late = Lane(0, "g", "p0", 3, delivered=(((0, 19),), ((0, 4),)), late=((3, 4),), full=True)
    elsewhere = replace(early, worker=1)
    merged = merge([part(lanes=(late,)), part(lanes=(early, elsewhere))])
    assert merged.lanes == (late, elsewhere)


def test_the_same_window_of_a_worker_is_not_counted_twice() -> None:
    once = part(workers=(share(0),))
    with pytest.raises(ValueError, match="two parts of worker 0 and window 1"):
        merge([once, once])
    assert len(merge([once, part(window=2, workers=(share(0, window=2),))]).workers) == 2


def test_parts_of_different_runs_are_not_merged() -> None:
    with pytest.raises(ValueError, match="different runs: t1, t2"):
        merge([part(), part(run_tag="t2")])
    with pytest.raises(ValueError, match="no parts"):
        merge([])


def test_the_start_is_the_first_of_all_and_its_clock_is_that_of_the_same_worker() -> None:
    later = part(started_at="2026-01-01T00:00:00.500+00:00", started_monotonic_s=1.0, warmup_s=2.0)
    merged = merge([later, part(window=3)])
    assert (merged.started_at, merged.started_monotonic_s, merged.warmup_s) == (part().started_at, 5.0, 1.0)
    assert merged.window == 3


def test_steps_of_different_lengths_are_merged_in_the_longer_ones() -> None:
    fine = part(steps=tuple(Step(1, index, due=1, service=held(0.001)) for index in range(5)))
    coarse = part(steps=(Step(1, 0, due=10), Step(1, 2, due=30)), step_s=2)
    merged = merge([fine, coarse])
    assert merged.step_s == 2
    assert [(step.index, step.due, step.service.count) for step in merged.steps] == [
        (0, 12, 2),
        (1, 2, 2),
        (2, 31, 1),
    ]


@given(steps)
def test_making_steps_coarser_twice_is_making_them_coarser_once(found: tuple[Step, ...]) -> None:
    assert coarser(coarser(found, 2), 2) == coarser(found, 4)


def test_of_a_worker_that_is_gone_the_last_report_says_so() -> None:
    account = ProducerLedger(producer=0, partition="p0", acknowledged=((0, 9),))
    gone = lost(part(ledger=(account,), workers=(share(1),)))
    merged = merge([gone, part(workers=(share(0),), ledger=(replace(account, producer=1),))])
    assert [ledger.unheard for ledger in merged.ledger] == [True, False]
    assert [(each.worker, each.complete) for each in merged.workers] == [(0, True), (1, False)]


def test_the_most_frequent_error_stands_first() -> None:
    rare = ErrorCount(status=0, code="no_answer", text="reset", requests=2)
    often = ErrorCount(status=503, code="pool_timeout", text="no", requests=3)
    merged = merge([part(errors=(often, rare)), part(errors=(replace(rare, requests=4),))])
    assert merged.errors == (replace(rare, requests=6), often)
