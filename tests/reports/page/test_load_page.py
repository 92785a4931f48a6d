"""The page of one load that a person started: what it found first, and nothing of a sweep."""

import re
from pathlib import Path
from typing import Literal

import pytest
from msgspec.structs import replace

from loadtests import results
from loadtests.results import FaultyMessages, MessageRange, RunFiles
from reports import dataset, terminal
from reports.charts import pool_timeline
from reports.judge import judge
from reports.page import build
from reports.page.selection import timeline_samples
from tests.reports.loads import SETTLE_S, STAGE_S, write_load
from tests.sweep.made import made_group

WORDS_ALONE = pytest.mark.usefixtures("without_charts")
GROUP = made_group("load-0", delivered=2_410, undelivered=None, nacked=43, lapsed=2, unexplained=1)
VERDICTS = ("met: p99 5 ms", "not met: p99 90 ms", "met: p99 9 ms")


def write_search(root: Path) -> Path:
    answer = "the highest rate that meets p99 ≤ 50 ms: 800 msg/s"
    rates = (500, 1_000, 800)
    return write_load(root, shape="saturation", rates=rates, counted=(3,), verdicts=VERDICTS, answer=answer)


def page_of(root: Path) -> str:
    loaded = dataset.load([root])
    return build.render(loaded, judge(loaded))


def test_nothing_of_a_sweep_is_shown_for_one_load(tmp_path: Path) -> None:
    page = page_of(write_load(tmp_path))
    for of_a_sweep in ("Hsu", "blocks", "calculator", "Your own numbers", "As measured here", "1 trials,"):
        assert of_a_sweep not in page
    assert re.search(r"high: \d,\d{3} messages/s of 128 producers acknowledged in 1.5 s, p50 ", page)
    assert "nothing was repeated" in page


@WORDS_ALONE
def test_messages_that_were_lost_are_named(tmp_path: Path) -> None:
    root = write_load(tmp_path)
    (trial,) = results.read_trials(RunFiles(root))
    assert trial.accounting is not None
    named = tuple(
        MessageRange(producer=3, partition="p7", first=first, last=last)
        for first, last in ((41, 41), (57, 58))
    )
    faulty = (FaultyMessages(fault="lost", named=named, more=2),)
    account = replace(trial.accounting, lost=5, faulty=faulty)
    results.write(RunFiles(root).trial(trial.trial_id).trial, replace(trial, accounting=account))
    assert "5 lost (producer 3 in p7: 41, 57-58; and 2 more)" in page_of(root)


@WORDS_ALONE
def test_what_was_due_is_told_where_an_interval_says_it(tmp_path: Path) -> None:
    (row,) = judge(dataset.load([write_load(tmp_path / "a")])).offered
    assert row.cell.rate_msg_s is None
    assert "<td>2,000</td>" in page_of(write_load(tmp_path / "b"))  # 10 producers, 10 messages every 50 ms


def test_the_answer_of_a_search_comes_first_and_its_stages_are_a_table(tmp_path: Path) -> None:
    page = page_of(write_search(tmp_path))
    assert '<p class="headline">The highest rate that meets p99 ≤ 50 ms: 800 msg/s. saturation: ' in page
    assert page.index("Stages</h2>") < page.index("Charts</h2>")
    for text in VERDICTS:
        assert text in page
    rows = page.split('<h2 id="stages">')[1].split("</table>")[0].split("<tr")[2:]
    assert ["best" in row for row in rows] == [False, False, True], "the one that counts is marked"


def test_stages_are_marked_on_the_clock_of_the_samples(tmp_path: Path) -> None:
    loaded = dataset.load([write_search(tmp_path)])
    found = judge(loaded)
    assert found.load is not None
    starts = [stage.start_s for stage in found.load.stages]
    assert starts == [-2 * (SETTLE_S + STAGE_S), -(SETTLE_S + STAGE_S), 0.0], "0: what counts begins"
    figure = pool_timeline.draw(timeline_samples(loaded, found), stages=found.load.stages)
    (axis,) = figure.axes
    assert [text.get_text() for text in axis.texts] == ["1", "2", "3"]
    assert "warm-up" not in axis.get_legend_handles_labels()[1]


@WORDS_ALONE
def test_the_groups_of_consumers_are_told(tmp_path: Path) -> None:
    page = page_of(write_load(tmp_path, shape="mixed", groups=(GROUP,)))
    table = page.split('<h2 id="consumers">')[1].split("</table>")[0]
    row = table.split("<tbody>")[1]
    told = [cell.split("<")[0] for cell in row.split("<td>")[1:]]
    assert told == ["2,410", "not known", "43", "2", "not known", "1", "0"]
    assert page.count(">lapsed</th>") == 1, "the account below does not say it again"


@WORDS_ALONE
def test_of_a_group_whose_account_is_full_it_is_not_known_what_came_without_a_reason(tmp_path: Path) -> None:
    page = page_of(write_load(tmp_path, groups=(replace(GROUP, unexplained=None),)))
    row = page.split('<h2 id="consumers">')[1].split("<tbody>")[1]
    assert row.split("<td>")[6].startswith("not known")


@WORDS_ALONE
@pytest.mark.parametrize(
    ("loop", "since"), [("open", "from when a push was due."), ("closed", "from the send.")]
)
def test_a_closed_loop_has_no_instant_at_which_a_push_was_due(
    tmp_path: Path, loop: Literal["open", "closed"], since: str
) -> None:
    page = page_of(write_load(tmp_path, loop=loop))
    assert since in page.split('<p class="headline">')[1].split("</p>")[0]


@WORDS_ALONE
def test_that_every_push_failed_is_the_first_thing_that_is_said(tmp_path: Path) -> None:
    page = page_of(write_load(tmp_path, failed=940))
    headline = page.split('<p class="headline">')[1].split("</p>")[0]
    assert headline.startswith("No push was acknowledged: connect: Connection refused. ")
    assert "940" in headline
    assert "DB_POOL_SIZE" not in headline


@pytest.mark.parametrize("columns", [1, 2])
def test_no_entry_of_the_legend_is_cut_off(tmp_path: Path, columns: int) -> None:
    loaded = dataset.load([write_load(tmp_path)])
    samples = timeline_samples(loaded, judge(loaded)).assign(boarding_waiting=3)
    figure = pool_timeline.draw(samples, columns=columns)
    figure.savefig(tmp_path / "drawn.png", dpi=figure.dpi)
    (legend,) = figure.legends
    assert legend.get_window_extent().x1 <= figure.bbox.x1


def test_in_the_terminal_it_is_the_first_thing_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded = dataset.load([write_load(tmp_path, failed=940)])
    terminal.show(judge(loaded), tmp_path)
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith("No push was acknowledged: ")
    assert not any(first in line for line in others)
