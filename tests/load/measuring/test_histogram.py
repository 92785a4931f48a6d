import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from loadtests.load.measuring.histogram import MAX_US, HistogramCounts, LatencyHistogram, summed

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


DURATIONS_S = st.lists(st.floats(-1, 4000), max_size=100)


@given(DURATIONS_S, st.lists(st.integers(0, 2), min_size=100, max_size=100))
def test_shards_of_a_stream_added_are_exactly_the_histogram_of_the_stream(
    durations_s: list[float], dealt: list[int]
) -> None:
    whole, shards = LatencyHistogram(), [LatencyHistogram() for _ in range(3)]
    for duration_s, number in zip(durations_s, dealt, strict=False):
        whole.record(duration_s)
        shards[number].record(duration_s)
    merged = LatencyHistogram()
    for shard in reversed(shards):
        merged.add(shard.counts())
    assert merged.counts() == whole.counts() == summed(shard.counts() for shard in shards)
    assert merged.latency() == whole.latency()
    assert merged.count == whole.counts().count == len(durations_s)


@given(DURATIONS_S)
def test_counts_are_all_that_there_is(durations_s: list[float]) -> None:
    histogram = LatencyHistogram()
    for duration_s in durations_s:
        histogram.record(duration_s)
    again = LatencyHistogram.of(histogram.counts())
    assert (again.counts(), again.latency()) == (histogram.counts(), histogram.latency())
    again.record(0.001)
    assert again.count == histogram.count + 1


def test_the_sum_of_the_durations_is_in_whole_microseconds() -> None:
    histogram = LatencyHistogram()
    for duration_s in (0.0000019, 0.5, -1.0):
        histogram.record(duration_s)
    assert histogram.total_us == 500_001


@pytest.mark.parametrize("micros", [2049, -1, MAX_US * 2])
def test_buckets_of_another_histogram_are_refused(micros: int) -> None:
    with pytest.raises(ValueError, match="other buckets"):
        LatencyHistogram.of(HistogramCounts(buckets=((micros, 1),)))
