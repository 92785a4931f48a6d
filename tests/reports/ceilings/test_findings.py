"""Ratios are of one round, what does not count enters nothing, and the answer needs the whole interval."""

import math
from collections.abc import Mapping, Sequence

import pytest
from msgspec.structs import replace

from loadtests.results import CeilingCourse, CeilingRatio, Ceilings, CeilingWindow
from reports.ceilings import wording
from reports.ceilings.findings import Answer, CeilingFindings, RatioFound, find
from reports.ceilings.pairs import spread
from tests.reports.ceilings.made import VALUES, made_ceilings


def made_ceilings_with(rule: CeilingRatio, values: Mapping[str, Sequence[float]]) -> Ceilings:
    return replace(made_ceilings(values), ratios=(rule,))


def ratio(found: CeilingFindings, key: str) -> RatioFound:
    return next(each for each in found.ratios if each.ratio.key == key)


def test_a_ratio_is_paired() -> None:
    """Rounds differ fourfold, their ratios not at all."""
    slow = ratio(find(made_ceilings()), "slow")
    assert slow.values == (2.0, 2.0, 2.0, 2.0)
    assert slow.spread is not None
    assert (slow.spread.median, slow.spread.lowest, slow.spread.highest) == (2.0, 2.0, 2.0)
    assert slow.answer is Answer.NOT_JUDGED


def test_of_several_bases_the_best_over_all_rounds_counts() -> None:
    best = ratio(find(made_ceilings()), "best")
    assert (best.base, best.base_label) == ("fast", "large statements")
    assert best.values == (0.5, 0.5, 0.5, 0.5)
    assert best.answer is Answer.MISSED
    lucky = {**VALUES, "slow": (40.0, 20.0, 1000.0, 40.0)}
    assert ratio(find(made_ceilings(lucky)), "best").values == (0.5, 0.5, 0.5, 0.5)


def test_a_limit_may_have_a_floor() -> None:
    """At most 10 ms, or three commits when that is more."""
    delay = ratio(find(made_ceilings()), "delay")
    assert delay.values == (0.5, 0.5, 0.5, 2.0)


def test_a_limit_without_a_cell_is_its_floor() -> None:
    made = made_ceilings()
    limit = CeilingRatio(key="l", label="push / 160", of="push", floor=160.0, wanted=1.0, direction="at_most")
    found = ratio(find(replace(made, ratios=(limit,))), "l")
    assert (found.values, found.base) == ((0.5, 0.25, 1.0, 0.5), "")
    assert found.answer is Answer.OPEN_ABOVE


def test_a_ratio_may_be_of_another_figure_of_both_windows() -> None:
    def with_figure(window: CeilingWindow) -> CeilingWindow:
        return replace(
            window, p50_ms=2.0 * window.value, figures={"own": 3.0} if window.cell == "push" else {}
        )

    made = made_ceilings()
    windows = tuple(map(with_figure, made.windows))
    medians = CeilingRatio(key="m", label="p50", of="push", base=("slow",), figure="p50_ms")
    own = CeilingRatio(key="o", label="own / 6", of="push", figure="own", floor=6.0)
    unknown = CeilingRatio(key="u", label="own", of="push", base=("slow",), figure="own")
    found = find(replace(made, windows=windows, ratios=(medians, own, unknown)))
    assert ratio(found, "m").values == (2.0, 2.0, 2.0, 2.0)
    assert ratio(found, "o").values == (0.5, 0.5, 0.5, 0.5)
    assert ratio(found, "u").answer is Answer.NOT_MEASURED  # the base has no such figure


def test_what_a_cell_adds_to_another_is_a_difference_within_a_round() -> None:
    more = CeilingRatio(key="m", label="more", of="push", less="slow", floor=20.0)
    gone = CeilingRatio(key="g", label="gone", of="push", less="none", floor=20.0)
    own = CeilingRatio(key="o", label="own", of="push", less="slow", figure="own", floor=20.0)
    made = replace(made_ceilings(faults={("slow", 1): "gone"}), ratios=(more, gone, own))
    assert ratio(find(made), "m").values == (2.0, 4.0, 2.0)
    assert ratio(find(made), "g").values == ratio(find(made), "o").values == ()
    nothing = ratio(find(made_ceilings_with(more, {**VALUES, "push": (40.0, 10.0, 81.0, 40.0)})), "m")
    assert nothing.values == (0.0, -0.5, 0.05, 0.0)
    assert nothing.spread is not None
    assert nothing.spread.interval is None  # no logarithm


def test_a_window_that_does_not_count_enters_nothing() -> None:
    found = find(made_ceilings(faults={("slow", 1): "3 answers were errors", ("push", 2): "gone"}))
    assert ratio(found, "slow").values == (2.0, 2.0)
    push = next(each for each in found.cells if each.cell.key == "push")
    assert push.value is not None
    assert (push.value.rounds, push.value.highest, push.invalid) == (3, 80.0, 1)
    assert [(each.cell, each.round) for each in found.invalid] == [("push", 2), ("slow", 1)]


def test_a_ratio_without_a_whole_round_is_not_measured() -> None:
    found = find(made_ceilings(faults={("slow", number): "gone" for number in range(4)}))
    assert ratio(found, "slow").answer is Answer.NOT_MEASURED
    assert ratio(found, "best").base == "fast"


@pytest.mark.parametrize(
    ("push", "answer"),
    [
        ((160.0, 80.0, 320.0, 161.0), Answer.MET),
        ((160.0, 80.0, 320.0, 60.0), Answer.OPEN_ABOVE),
        ((160.0, 40.0, 160.0, 80.0), Answer.OPEN_BELOW),
        ((80.0, 40.0, 160.0, 81.0), Answer.MISSED),
    ],
)
def test_an_answer_is_sure_only_with_its_whole_interval(push: tuple[float, ...], answer: Answer) -> None:
    assert ratio(find(made_ceilings({**VALUES, "push": push})), "best").answer is answer


def test_one_round_gives_no_interval_and_no_certainty() -> None:
    found = find(made_ceilings({cell: values[:1] for cell, values in VALUES.items()}))
    best = ratio(found, "best")
    assert best.spread is not None
    assert best.spread.interval is None
    assert best.answer is Answer.OPEN_BELOW


def test_the_interval_is_students_t_over_logarithms() -> None:
    """ln 1, ln e, ln e²: mean 1, sd 1; t(0.975, 2) = 4.3027 (any table of the distribution)."""
    found = spread([1.0, math.e, math.e**2])
    assert found is not None
    assert found.interval is not None
    assert math.log(found.interval.low) == pytest.approx(1 - 4.3027 / math.sqrt(3), abs=1e-4)
    assert math.log(found.interval.high) == pytest.approx(1 + 4.3027 / math.sqrt(3), abs=1e-4)
    assert spread([]) is None


def test_cpu_is_told_for_a_million_messages() -> None:
    push = find(made_ceilings()).cells[0]
    assert push.server_cpu_s == pytest.approx(10.0)
    assert push.postgres_cpu_s is None


def test_the_finding_counts_the_answers() -> None:
    text = wording.headline(find(made_ceilings()))
    assert text == (
        "0 of 2 ratios are as wanted with their whole interval; "
        "1 met by the median, not by the interval; 1 missed."
    )


def test_nothing_is_said_of_messages_per_second_that_were_not_measured() -> None:
    delays = {cell: VALUES[cell] for cell in ("delay", "commit")}
    assert wording.fastest(find(made_ceilings(delays))) == ""
    assert wording.fastest(find(made_ceilings())).startswith("Stored at best 160 msg/s directly, 80")


def test_the_slowest_step_of_all_windows_is_told() -> None:
    def with_courses(window: CeilingWindow, *rates: float) -> CeilingWindow:
        return replace(window, courses=(CeilingCourse(name="pops", step_s=5.0, values=rates),))

    first, second, third = made_ceilings().windows[:3]
    windows = (
        with_courses(first, 100.0, 80.0, 100.0),
        with_courses(second, 100.0, 60.0, 100.0),
        with_courses(replace(third, faults=("gone",)), 100.0, 0.0, 100.0),
    )
    assert wording.steadiness(windows) == "The slowest step has of the median one: pops 60%"
