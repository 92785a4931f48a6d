"""What the report says about pools and workers, from ratios with known values."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from loadtests.ceiling.parts import PARTS
from loadtests.results import CeilingRatio, Ceilings
from reports.ceilings.advice import FEW_P99, POOLS, SHARE, WORKERS, advice
from reports.ceilings.findings import find
from tests.reports.ceilings.made import VALUES, made_ceilings, write_ceilings


def pools(*values: float) -> Ceilings:
    """The pushes of a small pool over those of a large one, in each round."""
    ratio = CeilingRatio(key=POOLS, label="4 / 100, 1 worker", of="push", base=("slow",), wanted=0.95)
    made = {"push": tuple(100 * value for value in values), "slow": (100.0,) * len(values)}
    return replace(made_ceilings(made), ratios=(ratio,))


def workers(**loads: Sequence[float]) -> Ceilings:
    """One worker over two, for each load; a base of one makes the values the ratios."""
    cells = dict(zip(VALUES, loads.values(), strict=False))
    ratios = [
        CeilingRatio(key=f"{WORKERS}{load}", label=f"1 worker / 2 workers: {load}", of=cell, floor=1.0)
        for load, cell in zip(loads, VALUES, strict=False)
    ]
    return replace(made_ceilings(cells), ratios=tuple(ratios))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ((1.0, 1.01, 1.02), "A big pool buys nothing under coalesce (4 / 100, 1 worker: 1.01 ["),
        ((0.9, 1.0, 1.1), "A big pool buys nothing under coalesce by the median, which is not settled ("),
        ((0.8, 0.9, 1.1), "Whether a big pool buys anything under coalesce stays open ("),
        ((0.5, 0.51, 0.52), "A big pool is faster under coalesce here (4 / 100, 1 worker: 0.51 ["),
        ((1.1,), "A big pool buys nothing under coalesce by the median, which is not settled ("),
    ],
)
def test_whether_a_big_pool_buys_anything(values: tuple[float, ...], sentence: str) -> None:
    (said,) = advice(find(pools(*values)))
    assert said.startswith(sentence)
    assert "where 0.95 is enough" in said


def test_nothing_is_said_about_what_was_not_measured() -> None:
    assert advice(find(made_ceilings())) == ()
    assert advice(find(replace(pools(1.0, 1.0), windows=()))) == ()


def test_the_loads_for_which_one_worker_is_better_are_named() -> None:
    (said,) = advice(find(workers(push=(1.3, 1.31, 1.32), pop=(0.5, 0.51, 0.52), both=(0.9, 1.0, 1.1))))
    one, two, neither = said.split("; ")
    assert one.startswith("One worker is faster than two for push (1.31 [1.")
    assert two.startswith("two workers are faster for pop (0.51 [0.")
    assert neither.startswith("no difference is shown for both (1.00 [0.")


def test_one_round_shows_no_difference() -> None:
    assert advice(find(workers(push=(1.3,)))) == (
        "A single round shows no difference between one worker and two.",
    )


def test_many_loads_are_counted() -> None:
    made = workers(push=(1.3, 1.31, 1.32), pop=(0.5, 0.51, 0.52))
    many = [replace(made.ratios[0], key=f"{WORKERS}{number}") for number in range(7)]
    (said,) = advice(find(replace(made, ratios=(*many, made.ratios[1]))))
    assert said == "One worker is faster than two for 7 of 8 loads; two workers are faster for 1 of 8 loads."


@pytest.mark.parametrize(
    ("p99", "end"),
    [
        ((1.5, 1.51, 1.52), "of one worker: take one worker for few clients and a small pool."),
        ((0.9, 1.0, 1.1), "times that of one worker."),
        ((1.5,), "the p99 was 1.50 times that of one worker."),
    ],
)
def test_how_unevenly_few_clients_came_to_two_workers(p99: tuple[float, ...], end: str) -> None:
    ratios = (
        CeilingRatio(key=SHARE, label="share", of="push", floor=50.0),
        CeilingRatio(key=FEW_P99, label="p99", of="slow", floor=1.0),
    )
    percent = (62.5, 50.0, 87.5)[: len(p99)]
    (said,) = advice(find(replace(made_ceilings({"push": percent, "slow": p99}), ratios=ratios)))
    assert said.endswith(end)
    assert ("had 62 % of the connections (88 % at most)" in said) == (len(p99) == 3)


def test_the_ratios_that_are_spoken_of_are_measured() -> None:
    (pool,) = [ratio for ratio in PARTS["ratios"].ratios if ratio.key == POOLS]
    assert (pool.wanted, "1 worker" in pool.label) == (0.95, True)
    assert {SHARE, FEW_P99} <= {ratio.key for ratio in PARTS["workers"].ratios}
    for part in PARTS.values():
        for ratio in part.ratios:
            if ratio.key.startswith(WORKERS):
                assert ratio.label.startswith("1 worker / 2 workers: ")


def test_the_sentence_is_in_the_terminal_the_page_and_the_json(tmp_path: Path) -> None:
    files = write_ceilings(tmp_path / "made", pools(1.0, 1.01, 1.02))
    (said,) = advice(find(pools(1.0, 1.01, 1.02)))

    def report(*options: str) -> str:
        command = [sys.executable, "-m", "queen", "report", str(files.root), "--open", "no", *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

    assert said in report().splitlines()
    assert json.loads(report("--json"))["advice"] == [said]
    assert said in files.report.read_text()
