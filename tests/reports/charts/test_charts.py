"""Every chart: finding in its title, units on its axes, its interval drawn; and well-formed themed SVG."""

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import pandas as pd
import pytest
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.charts import (
    connections,
    database_timeline,
    latency,
    pool_timeline,
    style,
    svg,
    throughput,
    timeouts,
)
from reports.dataset import Dataset
from reports.estimates import estimates_frame
from reports.page.selection import timeline_samples
from reports.verdict import Verdict

Draw = Callable[[Dataset, Verdict, int], Figure]
CHARTS: dict[str, tuple[Draw, str, str]] = {
    "throughput": (
        lambda data, found, columns: throughput.draw(estimates_frame(found.curves), "T", columns),
        "connections",
        "messages/s",
    ),
    "connections": (
        lambda data, found, columns: connections.draw(estimates_frame(found.curves), "T", columns),
        "connections",
        "connections",
    ),
    "latency": (
        lambda data, found, columns: latency.draw(
            data.latency[data.latency["part"] == "capacity"], "T", columns
        ),
        "connections",
        "(ms)",
    ),
    "timeouts": (
        lambda data, found, columns: timeouts.draw(
            data.trials[data.trials["part"] == "timeouts"], "T", columns
        ),
        "connections",
        "per second",
    ),
    "pool": (
        lambda data, found, columns: pool_timeline.draw(timeline_samples(data, found), "T", columns),
        "(s)",
        "connections",
    ),
    "database": (
        lambda data, found, columns: database_timeline.draw(timeline_samples(data, found), "T", columns),
        "(s)",
        "connections",
    ),
}


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_names_its_units_and_becomes_themed_svg(
    name: str, columns: int, loaded: Dataset, verdict: Verdict
) -> None:
    draw, x_unit, y_unit = CHARTS[name]
    figure = draw(loaded, verdict, columns)
    assert all(x_unit in axis.get_xlabel() for axis in figure.axes if axis.get_visible())
    assert y_unit in figure.axes[0].get_ylabel()
    text = svg.inline(figure, "chart", "what it shows")
    root = ElementTree.fromstring(text)
    assert root.get("role") == "img"
    assert "what it shows" in text
    assert "var(--chart-ink)" in text
    for colour in style.THEMED:
        assert colour.light not in text


def test_requests_that_wait_to_share_a_call_are_drawn_where_there_were_any(
    loaded: Dataset, verdict: Verdict
) -> None:
    samples = timeline_samples(loaded, verdict)
    labels = [
        pool_timeline.draw(samples.assign(boarding_waiting=waiting)).axes[0].get_legend_handles_labels()[1]
        for waiting in (float("nan"), 0.0, 7.0)
    ]
    assert ["requests waiting to share a call" in each for each in labels] == [False, False, True]


@pytest.mark.parametrize("columns", [1, 2])
def test_a_database_that_no_sample_found_at_work_is_drawn_all_the_same(
    loaded: Dataset, verdict: Verdict, columns: int
) -> None:
    samples = timeline_samples(loaded, verdict).copy()
    at_work = [name for name in samples.columns if name.startswith("db_") and name != "db_idle"]
    samples[at_work] = 0
    figure = database_timeline.draw(samples, "T", columns)
    assert ElementTree.fromstring(svg.inline(figure, "idle", "T")) is not None


def test_any_number_of_series_is_drawn(loaded: Dataset) -> None:
    """More than there are colours: they begin anew."""
    trials = loaded.trials[loaded.trials["part"] == "timeouts"]
    many = pd.concat([trials.assign(clients=clients) for clients in range(1, 9)])
    (axis,) = timeouts.draw(many).axes
    assert len(axis.get_legend_handles_labels()[1]) == 2 * 8


def test_a_strategy_has_one_colour_in_all_charts(loaded: Dataset, verdict: Verdict) -> None:
    capacity = loaded.trials[loaded.trials["part"] == "capacity"]
    drawn = (throughput.draw(estimates_frame(verdict.curves)), timeouts.draw(capacity))
    colours = [
        {str(line.get_label()).partition(":")[0]: line.get_color() for line in figure.axes[0].lines}
        for figure in drawn
    ]
    for strategy in ("sequential", "batch"):
        assert colours[0][strategy] == colours[1][strategy]


def test_the_numbers_beside_the_means_are_those_of_one_series(loaded: Dataset) -> None:
    trials = loaded.trials[loaded.trials["part"] == "timeouts"]
    both = pd.concat([trials, trials.assign(strategy="batch", timeouts_s=trials["timeouts_s"] / 10)])
    (axis,) = timeouts.draw(both).axes
    assert sorted(float(text.get_text()) for text in axis.texts) == pytest.approx([4, 30, 40, 300], rel=0.05)


@pytest.mark.parametrize("columns", [1, 2])
def test_titles_fit_into_the_figure(loaded: Dataset, columns: int) -> None:
    """A far database has the longest names; a figure's canvas cuts what goes beyond it."""
    trials = loaded.trials[loaded.trials["part"] == "capacity"].assign(direct_rtt_ms=8.25)
    figure = timeouts.draw(
        trials, "Time-outs at pools 1, 2, 5, 10, 20, 50, 100, 200; none from pool 500", columns
    )
    figure.draw_without_rendering()
    titles = [axis.title for axis in figure.axes] + figure.texts
    for title in titles:
        assert title.get_window_extent().x1 <= figure.bbox.x1
    assert len(titles) == 3


@pytest.mark.parametrize(("lowest", "scale"), [(500.0, "log"), (6_000.0, "linear")])
def test_a_slow_curve_is_not_pressed_to_the_floor_by_a_fast_one(
    verdict: Verdict, lowest: float, scale: str
) -> None:
    estimates = estimates_frame(verdict.curves)
    levels = estimates["throughput"].clip(lower=lowest, upper=60_000.0)
    fast = levels.where(levels != levels.max(), 60_000.0)
    frame = estimates.assign(throughput=fast, low=fast * 0.9, high=fast * 1.1)
    axes = throughput.draw(frame).axes
    assert {axis.get_yscale() for axis in axes} == {scale}
    assert axes[0].get_ylabel().endswith("(log scale)") is (scale == "log")


def test_the_interval_is_drawn(verdict: Verdict) -> None:
    estimates = estimates_frame(verdict.curves)
    with_bars = svg.inline(throughput.draw(estimates), "chart", "x")
    without = svg.inline(throughput.draw(estimates.assign(low=float("nan"))), "chart", "x")
    assert with_bars.count("<path") > without.count("<path")


def test_ids_of_two_charts_do_not_meet(verdict: Verdict) -> None:
    figure = throughput.draw(estimates_frame(verdict.curves))
    ids = [
        {element.get("id") for element in ElementTree.fromstring(svg.inline(figure, name, "x")).iter()}
        - {None}
        for name in ("one", "two")
    ]
    assert not ids[0] & ids[1]


class CountedLine(Line2D):
    """Counts how often it is drawn."""

    drawn = 0

    def draw(self, renderer: RendererBase) -> None:
        self.drawn += 1
        super().draw(renderer)


def shapes_in(text: str) -> list[str | None]:
    """Everything that is drawn, with its place."""
    return [path.get("d") for path in ElementTree.fromstring(text).iterfind(".//{*}path")]


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_of_a_page_is_drawn_once_and_as_a_file_of_its_own_would_be(
    name: str, loaded: Dataset, verdict: Verdict, tmp_path: Path
) -> None:
    draw, _, _ = CHARTS[name]
    for_page, for_file = (draw(loaded, verdict, 2) for _ in range(2))
    line = CountedLine([0], [0])
    for_page.axes[0].add_line(line)
    for_file.axes[0].add_line(CountedLine([0], [0]))
    on_page = svg.inline(for_page, "chart", "T")
    assert line.drawn == 1
    svg.save(for_file, tmp_path / "chart.svg")
    shapes = shapes_in(on_page)
    assert len(shapes) > 10
    assert shapes == shapes_in((tmp_path / "chart.svg").read_text(encoding="utf-8"))


def test_drawing_leaves_the_notebooks_settings_alone(verdict: Verdict) -> None:
    before = matplotlib.rcParams["axes.spines.top"]
    throughput.draw(estimates_frame(verdict.curves))
    assert matplotlib.rcParams["axes.spines.top"] == before


def test_the_same_figures_give_the_same_file(tmp_path: Path, verdict: Verdict) -> None:
    for name in ("a.svg", "b.svg"):
        svg.save(throughput.draw(estimates_frame(verdict.curves)), tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (950, "950"), (1_500, "1.5k"), (17_000, "17k"), (2.1e6, "2.1M")]
)
def test_large_numbers_are_short(value: float, shown: str) -> None:
    assert style.thousands(value) == shown
