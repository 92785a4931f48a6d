"""How the figures of several workers make those of the instance."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from queen.observe.boarding import BoardingGauges, BoardingReading
from queen.observe.levels import BOUNDS_MS, DurationHistogram
from queen.observe.metric import metrics_of
from queen.observe.pool import PoolGauges, PoolReading
from queen.observe.reading import Rated, Reading
from tests.observe.readings import NOTHING, pool, reading

counts = st.integers(min_value=0, max_value=2**53)
histograms = st.tuples(*[counts] * (len(BOUNDS_MS) + 1)).map(lambda each: DurationHistogram(BOUNDS_MS, each))
readings = st.builds(
    reading,
    pushed=counts,
    parked_polls=counts,
    uptime_s=st.floats(min_value=0, max_value=1e9),
    loop_lag_s=st.floats(min_value=0, max_value=1e9),
    pool=st.builds(pool, acquires=counts, hold_histogram=histograms),
)


@given(readings, readings)
def test_sums_are_exact_and_maxima_are_maxima(one: Reading, other: Reading) -> None:
    both = one + other
    assert both.pushed.total == one.pushed.total + other.pushed.total
    assert both.parked_polls == one.parked_polls + other.parked_polls
    assert both.pool.acquires == one.pool.acquires + other.pool.acquires
    assert both.uptime_s == max(one.uptime_s, other.uptime_s)
    assert both.loop_lag_s == max(one.loop_lag_s, other.loop_lag_s)
    ours, theirs = one.pool.hold_histogram.counts, other.pool.hold_histogram.counts
    assert both.pool.hold_histogram.counts == tuple(a + b for a, b in zip(ours, theirs, strict=True))
    assert both.pool.hold_histogram.le_ms == BOUNDS_MS


@given(readings, readings)
def test_the_order_of_the_workers_does_not_matter(one: Reading, other: Reading) -> None:
    assert one + other == other + one
    assert one + NOTHING == one


@given(readings)
def test_a_reading_crosses_a_socket_unchanged(told: Reading) -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(told), type=Reading) == told


def test_time_integrals_of_two_pools_are_those_of_all_their_connections() -> None:
    now_s = 0.0
    one, other = PoolGauges(1, clock=lambda: now_s), PoolGauges(2, clock=lambda: now_s)
    one.acquired(waited_s=0.5)
    now_s = 2.0
    other.acquired(waited_s=0.0)
    now_s = 5.0
    one.released(held_s=5.0)
    both = one.read() + other.read()
    assert (both.busy_seconds, both.max_count) == (5.0 + 3.0, 3)
    assert (both.wait_seconds, both.hold_seconds) == (0.5, 5.0)


def test_who_waits_to_board_in_any_worker_is_counted() -> None:
    def told(waiting: int, in_vain: int) -> BoardingReading:
        gauges = BoardingGauges()
        gauges.watch(lambda: [0.5] * waiting)
        gauges.boarded([0.25, 1.0])
        for _ in range(in_vain):
            gauges.left(2.0, timed_out=True)
        return gauges.read()

    both = reading(boarding=told(3, 1)) + reading(boarding=told(4, 2))
    assert (both.boarding.waiting_count, both.boarding.boarded, both.boarding.timeouts) == (7, 4, 3)
    assert (both.boarding.wait_seconds, both.boarding.waiting_seconds) == (2.5, 2.5 + 6.0 + 3.5)


def test_rates_add_up() -> None:
    assert Rated(3, 1.5) + Rated(4, 0.5) == Rated(7, 2.0)


def test_every_figure_has_a_name_of_its_own() -> None:
    metrics = [
        metric for kind in (Reading, PoolReading, BoardingReading) for metric in metrics_of(kind).values()
    ]
    assert len({metric.name for metric in metrics}) == len(metrics)
    assert set(metrics_of(Reading)) == set(Reading.__struct_fields__) - {"pool", "boarding"}
