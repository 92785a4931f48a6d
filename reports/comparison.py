"""Two runs side by side: the cells that both measured, as ratios, and what else differs between them."""

from collections.abc import Iterator

from msgspec import Struct

from loadtests.results import Cell
from reports import dataset, differences
from reports.advice import Caution, Notice
from reports.differences import Difference
from reports.findings import cells
from reports.findings.curves import Part, parts
from reports.judge import judge
from reports.runs import Run, direct_rtt_ms
from reports.stats import comparison
from reports.stats.block_model import Ratio
from reports.verdict import Verdict

OF_A_RECOMMENDATION = frozenset(  # which pool to take, and why: no ratio rests on it
    {Caution.NOT_SETTLED, Caution.KNEE_AT_EDGE, Caution.LOCAL_ONLY, Caution.POOL_UNKNOWN, Caution.OTHER_LOANS}
)


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
    differences: tuple[Difference, ...]
    broken: tuple[str, ...]  # runs whose figures do not count: not every message is accounted for
    notices: tuple[Notice, ...]


def compare(base: Run, other: Run) -> Comparison:
    """`other` over `base`, for the closed-loop cells that both have in a part of the same name.

    Raises `ResultError` for samples that cannot be read.
    """
    verdicts = [judge(dataset.of((run,))) for run in (base, other)]
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
        differences=differences.between(base, other),
        broken=tuple(
            run.name
            for run, verdict in zip((base, other), verdicts, strict=True)
            if verdict.accounting is not None and verdict.accounting.holds is False
        ),
        notices=(
            *(notice for verdict in verdicts for notice in _own(verdict)),
            Notice(Caution.NOT_INTERLEAVED, f"{base.name} and {other.name} ran one after the other"),
        ),
    )


def _own(verdict: Verdict) -> Iterator[Notice]:
    """The cautions of one run that concern its figures, under its name."""
    for notice in verdict.notices:
        if notice.caution not in OF_A_RECOMMENDATION:
            yield Notice(notice.caution, f"{verdict.runs[0]}: {notice.detail}")


def _cells(found: dict[str, Part]) -> set[tuple[str, Cell]]:
    return {(name, cell) for name, part in found.items() for cell in part.model.cells}
