"""`queen report` of a run of `queen ceiling`: table, page, charts."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy
import pytest
from msgspec.structs import replace

from loadtests import results
from loadtests.results import CeilingCell, CeilingCourse, CeilingRatio, Manifest
from reports.ceilings import frames, page
from reports.ceilings.findings import CeilingFindings, find
from reports.charts import ceiling_courses, ceiling_levels, ceiling_ratios, style, svg
from tests.reports.ceilings.made import VALUES, made_ceilings, write_ceilings
from tests.reports.page.test_page import Outline


def report(root: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "queen", "report", str(root), "--open", "no", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_report_says_what_counts_and_what_does_not(tmp_path: Path) -> None:
    files = write_ceilings(tmp_path / "made", made_ceilings(faults={("slow", 1): "3 answers were errors"}))
    done = report(files.root)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert any(line.startswith("push / best (large statements)") and "missed" in line for line in lines)
    assert "INVALID slow, round 2: 3 answers were errors" in lines
    assert "something is left out" in lines
    assert "PostgreSQL 18.6: shared_buffers 2GB, max_wal_size as by default" in lines
    assert lines[-1] == str(files.report)
    text = files.report.read_text()
    outline = Outline()
    outline.feed(text)
    assert outline.open == []
    assert "3 answers were errors" in text
    assert "PostgreSQL 18.6: shared_buffers 2GB, max_wal_size as by default" in text
    assert text.count("<svg") == 2 * 2
    for name in ("levels", "ratios"):
        ElementTree.parse(files.charts / f"{name}.svg")


def test_the_report_as_json_is_one_object(tmp_path: Path) -> None:
    files = write_ceilings(tmp_path / "made", made_ceilings())
    output = json.loads(report(files.root, "--json").stdout)
    assert output["findings"]["ratios"][0]["values"] == [0.5, 0.5, 0.5, 0.5]
    assert output["notes"] == ["something is left out"]


def test_a_run_without_figures_is_one_line(tmp_path: Path) -> None:
    files = write_ceilings(tmp_path / "made", made_ceilings())
    files.ceilings.unlink()
    done = report(files.root)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"queen: {files.ceilings}: No such file or directory\n"


@pytest.fixture(scope="module")
def found() -> CeilingFindings:
    return find(made_ceilings())


@pytest.mark.parametrize("columns", [1, 2])
def test_the_charts_name_their_units_and_every_row(found: CeilingFindings, columns: int) -> None:
    levels = ceiling_levels.draw(frames.levels(found), "T", columns)
    assert [axis.get_xlabel() for axis in levels.axes] == ["messages/s (log scale)"] * 2
    assert {text.get_text() for axis in levels.axes for text in axis.texts} == {
        "push of ours: 80",
        "small statements: 40",
        "large statements: 160",
    }
    ratios = ceiling_ratios.draw(frames.ratios(found), "T", columns)
    assert [text.get_text() for axis in ratios.axes for text in axis.texts] == [
        "push / best: 0.50 (≥ 0.7)",
        "delay / limit: 0.50 (≤ 1)",
        "push / slow: 2.00",
    ]
    for figure in (levels, ratios):
        drawn = svg.inline(figure, "chart", "what it shows")
        assert ElementTree.fromstring(drawn).get("role") == "img"
        assert all(colour.light not in drawn for colour in style.THEMED)


def test_a_difference_that_is_nothing_has_no_place_on_a_log_scale() -> None:
    more = CeilingRatio(key="m", label="more", of="push", less="slow", floor=20.0)
    made = replace(made_ceilings({**VALUES, "slow": VALUES["push"]}), ratios=(more,))
    assert len(frames.ratios(find(made))) == 0


def test_rates_over_time_are_drawn_with_their_medians() -> None:
    made = made_ceilings({"push": VALUES["push"][:2]})
    courses = (
        CeilingCourse(name="pushes", step_s=5.0, values=(100.0, 80.0, 100.0)),
        CeilingCourse(name="pops", step_s=5.0, values=(50.0, 50.0, 20.0)),
    )
    valid, invalid = made.windows
    windows = (replace(valid, courses=courses), replace(invalid, courses=courses, faults=("gone",)))
    frame = frames.courses(replace(made, windows=windows))
    assert list(frame["panel"].unique()) == ["push of ours, round 1"]
    assert list(frame[frame["name"] == "pops"]["t_s"]) == [2.5, 7.5, 12.5]
    figure = ceiling_courses.draw(frame, "T")
    (axis,) = figure.axes
    assert axis.get_xlim() == (0, 15)
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("time since the window began (s)", "messages/s")
    drawn = [numpy.asarray(line.get_ydata(), dtype=float).tolist() for line in axis.lines]
    assert drawn == [[100.0, 80.0, 100.0], [100.0, 100.0], [50.0, 50.0, 20.0], [50.0, 50.0]]
    assert all(colour.light not in svg.inline(figure, "chart", "rates") for colour in style.THEMED)


def test_a_run_with_rates_over_time_has_their_chart_in_its_page(tmp_path: Path) -> None:
    made = made_ceilings({"delay": VALUES["delay"][:1]})
    course = CeilingCourse(name="pushes", step_s=5.0, values=(100.0, 80.0, 100.0))
    steady = replace(made, ratios=(), windows=(replace(made.windows[0], courses=(course,)),))
    files = write_ceilings(tmp_path / "made", steady)
    page.write(files, results.read(files.manifest, Manifest), steady, find(steady))
    assert [path.name for path in files.charts.iterdir()] == ["courses.svg"]
    assert "The slowest step has of the median one: pushes 80%" in files.report.read_text()


def test_many_cells_are_drawn_by_kind() -> None:
    cells = [
        CeilingCell(key=f"{kind}{number}", group="server", kind=kind, label=f"{kind} {number}")
        for kind in ("push", "pop")
        for number in range(20)
    ]
    made = made_ceilings(VALUES)
    values = {cell.key: (100.0, 110.0) for cell in cells}
    crowded = made_ceilings(values)
    found = find(
        type(made)(
            parts=made.parts,
            rounds_asked=2,
            warmup_s=0.3,
            measure_s=1.0,
            cells=tuple(cells),
            ratios=(CeilingRatio(key="r", label="r", of="push0", base=("pop0",)),),
            windows=crowded.windows,
        )
    )
    panels = frames.levels(found)["panel"]
    assert set(panels) == {"What the server does: push", "What the server does: pop"}
    assert len(ceiling_levels.draw(frames.levels(found)).axes) == 2


def test_many_ratios_are_drawn_by_the_kind_of_their_cells() -> None:
    shown = [
        CeilingRatio(key=f"{cell}{number}", label=f"{cell} {number}", of=cell, floor=1.0)
        for cell in ("push", "delay")
        for number in range(13)
    ]
    judged = CeilingRatio(key="j", label="j", of="push", floor=1.0, wanted=1.0)
    panels = frames.ratios(find(replace(made_ceilings(), ratios=(*shown, judged))))["panel"]
    assert list(panels.unique()) == [frames.JUDGED, "Other ratios: push", "Other ratios: end to end"]
