"""Two runs side by side: the cells that both measured, as ratios."""

from msgspec import Struct

from loadtests.results import Cell
from reports.advice import Caution, Notice
from reports.findings import cautions, cells
from reports.findings.curves import Part, parts, silent
from reports.runs import Run, direct_rtt_ms
from reports.stats import comparison
from reports.stats.block_model import Ratio


class CellRatio(Struct, frozen=True):
    """One cell: `ratio` is the second run over the first."""

    part: str
    cell: Cell
    ratio: Ratio


class Comparison(Struct, frozen=True):
    """All common cells of two runs, and what to keep in mind."""

    base: str
    other: str
    cells: tuple[CellRatio, ...]
    only_base: int  # cells that the other run lacks
    only_other: int
    direct_rtt_ms: float | None  # see `reports.runs.direct_rtt_ms`
    notices: tuple[Notice, ...]


def compare(base: Run, other: Run) -> Comparison:
    """`other` over `base`, for the closed-loop cells that both have in a part of the same name."""
    first = {part.name: part for part in parts([base])}
    second = {part.name: part for part in parts([other])}
    ratios = tuple(
        CellRatio(name, cell, ratio)
        for name in first.keys() & second.keys()
        for cell in first[name].model.cells
        if (ratio := comparison.ratio(cell, second[name].model, first[name].model)) is not None
    )
    common = {(seen.part, seen.cell) for seen in ratios}
    return Comparison(
        base=base.name,
        other=other.name,
        cells=tuple(sorted(ratios, key=lambda seen: (seen.part, cells.order(seen.cell)))),
        only_base=len(_cells(first) - common),
        only_other=len(_cells(second) - common),
        direct_rtt_ms=direct_rtt_ms([base, other]),
        notices=(
            *cautions.about_silence([*silent([base]), *silent([other])]),
            Notice(Caution.NOT_INTERLEAVED, f"{base.name} and {other.name} ran one after the other"),
        ),
    )


def _cells(found: dict[str, Part]) -> set[tuple[str, Cell]]:
    return {(name, cell) for name, part in found.items() for cell in part.model.cells}
