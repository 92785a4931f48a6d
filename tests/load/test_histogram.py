import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from loadtests.load.histogram import MAX_US, LatencyHistogram

DURATIONS_US = st.lists(st.integers(0, MAX_US), min_size=1, max_size=200)


@given(DURATIONS_US)
def test_it_counts_in_the_same_buckets_as_an_hdr_histogram(durations_us: list[int]) -> None:
    ours, theirs = LatencyHistogram(), HdrHistogram(1, MAX_US, 3)
    for micros in durations_us:
        ours.record((micros + 0.5) / 1e6)
        theirs.record_value(micros)
    converted = ours.to_hdr("service")
    assert converted.get_total_count() == theirs.get_total_count()
    for percentile in (0, 10, 50, 90, 99, 99.9, 100):
        assert converted.get_value_at_percentile(percentile) == theirs.get_value_at_percentile(percentile)


@given(DURATIONS_US)
def test_percentiles_rise_and_end_at_the_true_maximum(durations_us: list[int]) -> None:
    histogram = LatencyHistogram()
    for micros in durations_us:
        histogram.record(micros / 1e6)
    latency = histogram.latency()
    assert latency is not None
    rising = [latency.p50_ms, latency.p90_ms, latency.p95_ms, latency.p99_ms, latency.p999_ms, latency.max_ms]
    assert rising == sorted(rising)
    assert latency.max_ms == pytest.approx(max(durations_us) / 1000)
    assert latency.count == len(durations_us)


def test_a_sub_millisecond_median_is_not_zero() -> None:
    histogram = LatencyHistogram()
    for _ in range(100):
        histogram.record(84e-6)
    latency = histogram.latency()
    assert latency is not None
    assert latency.p50_ms == pytest.approx(0.084, rel=0.001)


def test_nothing_recorded_has_no_percentiles_and_odd_durations_are_clamped() -> None:
    histogram = LatencyHistogram()
    assert histogram.latency() is None
    histogram.record(-1.0)
    histogram.record(1e9)
    assert histogram.buckets()[0] == (0, 1)
    assert histogram.buckets()[-1][0] == pytest.approx(MAX_US, rel=0.001)
