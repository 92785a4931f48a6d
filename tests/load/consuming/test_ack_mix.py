from collections import Counter

import pytest

from loadtests.load.consuming.ack_mix import AckMix
from loadtests.load.plan import Consuming


def test_shares_are_kept_and_a_seed_repeats() -> None:
    consuming = Consuming(nack_share=0.1, retry_share=0.05, slow_share=0.02)
    intentions = [[AckMix(consuming, "7/1").intend(10) for _ in range(2)] for _ in range(2)]
    assert intentions[0] == intentions[1]
    mix = AckMix(consuming, "7/2")
    drawn = [mix.intend(10) for _ in range(20_000)]
    kinds = Counter((each.status, each.slow) for each in drawn)
    assert kinds[("failed", False)] == pytest.approx(2000, rel=0.15)
    assert kinds[("retry", False)] == pytest.approx(1000, rel=0.15)
    assert kinds[("completed", True)] == pytest.approx(400, rel=0.25)
    assert {each.failing for each in drawn if each.status == "failed"} == set(range(10))
    assert {each.failing for each in drawn if each.status == "completed"} == {None}


def test_without_shares_everything_is_acknowledged_at_once() -> None:
    mix = AckMix(Consuming(), "7/1")
    assert {(each.think_s, each.slow, each.failing) for each in (mix.intend(5) for _ in range(100))} == {
        (0.0, False, None)
    }


def test_think_times_are_drawn_in_milliseconds() -> None:
    mix = AckMix(Consuming(think_ms="20-40"), "7/1")
    times_s = [mix.intend(5).think_s for _ in range(100)]
    assert 0.02 <= min(times_s) < max(times_s) <= 0.04
