"""What the pool's gauges make of who borrows and who waits."""

import pytest

from queen.observe.pool import PoolGauges
from tests.clock import Clock


def test_demand_is_who_borrows_and_who_waits_over_the_size() -> None:
    clock = Clock()
    gauges = PoolGauges(4, clock)
    gauges.acquired(0.0)
    gauges.acquired(0.0)
    with gauges.asking():
        clock.now_s += 2.0
    clock.now_s += 1.0
    gauges.released(3.0)
    clock.now_s += 1.0
    assert gauges.demand_s == pytest.approx((2 * 3 + 1 * 1 + 1 * 2) / 4)
