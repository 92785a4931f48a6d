"""HDR logs: percentiles of the sum, never the average of percentiles; bad lines are named."""

from pathlib import Path

import pytest
from hdrh.histogram import HdrHistogram

from loadtests.results import ResultError
from reports.stats import histogram


def write_log(path: Path, *intervals: tuple[str, list[int]]) -> Path:
    lines = ["#[Histogram log format version 1.2]", '"StartTimestamp","Interval_Length"']
    for tag, values_us in intervals:
        recorded = HdrHistogram(histogram.LOWEST_US, histogram.HIGHEST_US, histogram.DIGITS)
        for value_us in values_us:
            recorded.record_value(value_us)
        lines.append(f"Tag={tag},0.000,1.000,0.000,{recorded.encode().decode()}")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_merged_percentiles_are_those_of_all_values_together(tmp_path: Path) -> None:
    """99 fast requests in one log, 101 slow in the other: the average of the two p50 would be 50 ms."""
    fast = write_log(tmp_path / "fast.hlog", ("service", [1_000] * 99))
    slow = write_log(tmp_path / "slow.hlog", ("service", [99_000] * 101))
    figures = histogram.latency(histogram.merge([fast, slow])["service"])
    assert figures.count == 200
    assert figures.p50_ms == pytest.approx(99, rel=0.002)


def test_the_clocks_are_kept_apart(tmp_path: Path) -> None:
    log = write_log(tmp_path / "a.hlog", ("service", [1_000]), ("response", [5_000, 5_000]))
    merged = histogram.merge([log])
    assert {tag: histogram.latency(found).count for tag, found in merged.items()} == {
        "service": 1,
        "response": 2,
    }


def test_a_tag_that_nobody_recorded_is_not_there(tmp_path: Path) -> None:
    assert "response" not in histogram.merge([write_log(tmp_path / "a.hlog", ("service", [1]))])


@pytest.mark.parametrize("payload", ["HISTnonsense", "", "HISTFAAAAAA"])
def test_a_broken_line_is_named(tmp_path: Path, payload: str) -> None:
    path = tmp_path / "broken.hlog"
    path.write_text(f"#comment\nTag=service,0,1,2,{payload}\n")
    with pytest.raises(ResultError, match=r"broken\.hlog: line 2"):
        list(histogram.read_log(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match=r"none\.hlog: No such file"):
        list(histogram.read_log(tmp_path / "none.hlog"))


def test_an_empty_histogram_has_no_percentiles() -> None:
    with pytest.raises(ValueError, match="empty"):
        histogram.latency(HdrHistogram(histogram.LOWEST_US, histogram.HIGHEST_US, histogram.DIGITS))
