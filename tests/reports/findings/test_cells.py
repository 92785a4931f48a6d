"""Cells sort as people count, and only what was chosen counts as a difference."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.results import Cell
from reports.findings import cells


@given(st.lists(st.integers(1, 1_000), min_size=2), st.sampled_from(["clients", "batch", "pool"]))
def test_numbers_sort_as_numbers(values: list[int], name: str) -> None:
    shuffled = [msgspec.structs.replace(Cell(), **{name: value}) for value in values]
    assert [getattr(cell, name) for cell in sorted(shuffled, key=cells.order)] == sorted(values)


def test_what_is_not_set_comes_first_and_strategies_as_the_guide_tells_them() -> None:
    told = [Cell(), Cell(strategy="sequential"), Cell(strategy="batch"), Cell(strategy="coalesce")]
    by_name = sorted(told, key=lambda cell: cell.strategy or "")
    assert [cell.strategy for cell in sorted(by_name, key=cells.order)][:3] == [
        "sequential",
        "batch",
        "coalesce",
    ]
    limits = [Cell(connection_timeout_ms=limit) for limit in (2_000, None, 250)]
    assert [cell.connection_timeout_ms for cell in sorted(limits, key=cells.order)] == [None, 250, 2_000]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (Cell(clients=16, partitions=16), Cell(clients=128, partitions=128), ("clients",)),
        (Cell(clients=16, partitions=1), Cell(clients=128, partitions=128), ("clients", "partitions")),
        (Cell(clients=16, partitions=16), Cell(clients=16, partitions=1), ("partitions",)),
        (
            Cell(shape="medium", batch=10, interval_ms=100.0),
            Cell(shape="high", batch=100, interval_ms=50.0),
            ("shape",),
        ),
        (Cell(shape="custom", batch=10), Cell(shape="high", batch=100), ("shape", "batch")),
    ],
)
def test_a_field_that_follows_from_another_is_no_factor(
    first: Cell, second: Cell, expected: tuple[str, ...]
) -> None:
    assert set(cells.differing(first, second)) == set(expected)
    assert cells.differing(second, first) == cells.differing(first, second)
