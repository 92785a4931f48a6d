"""The grammar of offered rates, and what they resolve to."""

import pytest

from loadtests.results import Cell
from loadtests.sweep.rate import RateError, parse
from tests.sweep.made import made_load, made_trial


def test_every_part_of_a_rate_is_read() -> None:
    rate = parse("0.7 * capacity(sequential, pool=20, rtt=2.5, batch=10)")
    assert (rate.share, rate.strategy, rate.pool, rate.rtt_ms, rate.batch) == (0.7, "sequential", 20, 2.5, 10)


def test_what_is_left_out_may_be_anything() -> None:
    rate = parse("capacity(batch)")
    assert (rate.share, rate.pool, rate.rtt_ms, rate.batch) == (1.0, None, None, None)
    assert rate.matches(Cell(strategy="batch", pool=3, db_rtt_ms=7))
    assert not rate.matches(Cell(strategy="batch", loop="open"))


@pytest.mark.parametrize(
    "text",
    [
        "capacity()",
        "0.7 capacity(batch)",
        "-1 * capacity(batch)",
        "capacity(batch) + 1",
        "capacity(batch, pool=two)",
        "capacity(batch, pool=2.5)",
        "capacity(batch, pool=2, pool=3)",
        "capacity(batch, clients=3)",
        "capacity(batch,, pool=2)",
        "__import__('os')",
        "",
    ],
)
def test_anything_else_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(RateError) as error:
        parse(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("0 * capacity(batch)", "'0 * capacity(batch)': share '0': expected a number above 0, at most 1,000"),
        ("1001 * capacity(batch)", "share '1001': expected a number above 0, at most 1,000"),
        (f"{'9' * 400} * capacity(batch)", "…': expected a number above 0, at most 1,000"),
        (
            "capacity(batch, pool=0)",
            "'capacity(batch, pool=0)': pool '0': expected a whole number, 1 to 10,000",
        ),
        (f"capacity(batch, pool={'9' * 400})", "…': expected a whole number, 1 to 10,000"),
        ("capacity(batch, rtt=60001)", "rtt '60001': expected a number, 0 to 60,000"),
        ("capacity(batch, batch=0)", "batch '0': expected a whole number, 1 to 1,000,000,000"),
    ],
)
def test_a_number_that_no_cell_has_is_refused_with_what_is_allowed(text: str, line: str) -> None:
    with pytest.raises(RateError) as error:
        parse(text)
    assert line in str(error.value)
    assert len(str(error.value)) < 300


def test_a_rate_is_the_median_of_the_valid_trials_of_its_cell() -> None:
    cell = Cell(strategy="sequential", pool=20)
    trials = [made_trial(cell=cell, load=made_load(acknowledged=n * 1000)) for n in (10, 30, 20)]
    trials.append(made_trial(cell=cell, load=made_load(acknowledged=999_000), fatal=True))
    trials.append(made_trial(cell=Cell(strategy="sequential", pool=5), load=made_load(acknowledged=777_000)))
    assert parse("0.5 * capacity(sequential, pool=20, rtt=0)").resolve(trials) == 10_000.0


def test_of_next_to_nothing_there_is_no_share() -> None:
    trial = made_trial(cell=Cell(strategy="sequential"), load=made_load(acknowledged=0))
    with pytest.raises(RateError, match=r"of 0\.0 msg/s that is less than 0\.1 msg/s"):
        parse("0.5 * capacity(sequential)").resolve([trial])


def test_without_a_valid_trial_there_is_no_rate() -> None:
    with pytest.raises(RateError, match="no valid trial of that cell"):
        parse("capacity(sequential)").resolve([])
