import tempfile
from datetime import datetime
from pathlib import Path

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from hypothesis import given
from hypothesis import strategies as st

from loadtests import results
from loadtests.load.measuring.attempt import Attempt
from loadtests.load.measuring.figures import ledger_of
from loadtests.load.measuring.histogram import MAX_US, LatencyHistogram
from loadtests.load.measuring.outcome import ALL_QUEUED
from loadtests.load.measuring.recorder import Recorder
from loadtests.load.plan import LoadPlan
from loadtests.load.writing import TimedHistogram, histogram_log, write_course, write_results
from loadtests.results import Ledger, LoadResult, TrialFiles


def test_the_written_files_are_what_was_recorded(tmp_path: Path) -> None:
    files = TrialFiles(tmp_path / "trial")
    plan = LoadPlan(host="http://x", trial_directory=str(files.root), run_tag="t9", loop="open")
    recorder = Recorder(plan)
    due_s = recorder.part().started_monotonic_s
    recorder.pushed(
        recorder.account(0, "p0"),
        0,
        9,
        due_s,
        Attempt(ALL_QUEUED, due_s + 0.001, due_s + 0.001, due_s + 0.003),
    )
    recorder.close_window()
    part = recorder.part()
    result = write_results(part, plan, files)
    assert results.read(files.load, LoadResult) == result
    assert results.read(files.ledger, Ledger) == ledger_of(part, plan)
    tags = [read.get_tag() for read in read_log(files.latency)]
    assert tags == ["service", "response"]
    assert sorted(path.name for path in files.root.iterdir()) == ["latency.hlog", "ledger.json", "load.json"]


def test_the_course_has_a_line_for_each_clock_of_each_step(tmp_path: Path) -> None:
    files = TrialFiles(tmp_path)
    recorder = Recorder(
        LoadPlan(host="http://x", trial_directory="x", run_tag="t9", loop="open"), lambda: 100.0
    )
    account = recorder.account(0, "p0")
    for place, due_s in enumerate((100.1, 100.2, 102.5)):
        recorder.pushed(
            account, place, place, due_s, Attempt(ALL_QUEUED, due_s + 0.001, due_s + 0.001, due_s + 0.003)
        )
    part = recorder.part()
    write_course([part], files)
    read = read_log(files.course)
    assert [(each.get_tag(), each.get_total_count()) for each in read] == [
        (tag, count) for count in (2, 1) for tag in ("lag", "service", "response")
    ]
    start_ms = datetime.fromisoformat(part.started_at).timestamp() * 1000
    assert {each.get_start_time_stamp() - start_ms for each in read} == {0, 2000}
    assert {each.get_end_time_stamp() - each.get_start_time_stamp() for each in read} == {1000}


@given(start_s=st.floats(1.7e9, 2e9), length_s=st.floats(0.001, 1e6))
def test_a_reader_finds_the_intervals_whenever_they_began(start_s: float, length_s: float) -> None:
    histogram = LatencyHistogram()
    histogram.record(0.001)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "latency.hlog"
        timed = TimedHistogram(histogram.to_hdr("service"), start_s, start_s + length_s)
        path.write_text(histogram_log(start_s, [timed]), "utf-8")
        assert [read.get_tag() for read in read_log(path)] == ["service"]


def test_a_histogram_survives_the_log(tmp_path: Path) -> None:
    histogram = LatencyHistogram()
    for micros in range(1, 50_000, 7):
        histogram.record(micros / 1e6)
    written = histogram.to_hdr("service")
    path = tmp_path / "latency.hlog"
    timed = TimedHistogram(written, 1_795_000_000.0, 1_795_000_002.5)
    path.write_text(histogram_log(1_795_000_000.0, [timed]), encoding="utf-8")
    (read,) = read_log(path)
    assert read.get_total_count() == histogram.count
    for percentile in (50, 90, 99, 99.9):
        assert read.get_value_at_percentile(percentile) == written.get_value_at_percentile(percentile)
    assert read.get_start_time_stamp() == 1_795_000_000_000.0
    assert read.get_end_time_stamp() == 1_795_000_002_500.0


def read_log(path: Path) -> list[HdrHistogram]:
    reader = HistogramLogReader(str(path), HdrHistogram(1, MAX_US, 3))
    read = []
    while (histogram := reader.get_next_interval_histogram()) is not None:
        read.append(histogram)
    reader.close()
    return read
