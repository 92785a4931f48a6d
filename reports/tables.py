"""Verdict → rows of formatted texts: what the tables of page and terminal show, which only arrange them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from loadtests.results import Cell
from reports import claims, wording
from reports.dataset import Dataset
from reports.labels import with_labels
from reports.stats.block_model import Interval
from reports.verdict import CellFigures, Curve, OfferedLoad, SilentCell

ABSENT = "–"


@dataclass(frozen=True)
class Step:
    """What this pool brings over the next smaller one."""

    ratio: str = ABSENT
    remark: str = ""  # "no difference shown"

    def __str__(self) -> str:
        return f"{self.ratio} {self.remark}".rstrip()


@dataclass(frozen=True)
class TableRow:
    """One cell of the table of figures."""

    pool: str
    trials: str
    throughput: str
    interval: str = ABSENT
    step: Step = Step()
    hold: str = ABSENT
    requests: str = ABSENT  # a loan
    needed: str = ABSENT
    busy: str = ABSENT
    waiting: str = ABSENT
    timeouts: str = ABSENT
    limit: str = ABSENT
    recommended: bool = False


@dataclass(frozen=True)
class TableGroup:
    """One curve of the table."""

    name: str
    rows: tuple[TableRow, ...]


@dataclass(frozen=True)
class OfferedRow:
    """One open-loop cell of its table."""

    name: str
    pool: str
    trials: str
    offered: str
    throughput: str
    missed: str
    held: str
    timeouts: str
    hold: str
    requests: str  # a loan
    needed: str
    busy: str


@dataclass(frozen=True)
class LatencyRow:
    """One line of the latency table, ms."""

    pool: str
    clock: str
    count: str
    p50: str
    p95: str
    p99: str


@dataclass(frozen=True)
class LatencyGroup:
    """One curve of the latency table."""

    name: str
    rows: tuple[LatencyRow, ...]


def table(curves: Sequence[Curve], silent: Sequence[SilentCell]) -> tuple[TableGroup, ...]:
    """The table of figures: a group for each curve, then one for each cell without throughput."""
    cells = [*(curve.factors for curve in curves), *(found.cell for found in silent)]
    measured = [
        TableGroup(wording.cell_name(curve.factors, cells, curve.direct_rtt_ms), tuple(_rows(curve)))
        for curve in curves
    ]
    left_out = [
        TableGroup(
            f"{wording.cell_name(found.cell, cells, found.direct_rtt_ms)}: left out", (_silent_row(found),)
        )
        for found in silent
    ]
    return (*measured, *left_out)


def offered(loads: Sequence[OfferedLoad]) -> tuple[OfferedRow, ...]:
    """The table of the open-loop cells."""
    cells = [load.cell for load in loads]
    return tuple(
        OfferedRow(
            name=f"{load.part}: {wording.cell_name(load.cell, cells, load.direct_rtt_ms)}",
            pool=ABSENT if load.cell.pool is None else str(load.cell.pool),
            trials=str(load.trials),
            offered=_offered(load.cell),
            throughput=f"{load.throughput:,.0f}",
            missed=f"{load.missed:,}",
            held=f"{load.held:,}",
            timeouts=f"{load.timeouts:,}",
            hold=number(load.loans.hold_ms if load.loans else None),
            requests=number(load.loans.requests if load.loans else None),
            needed=number(load.loans.needed if load.loans else None),
            busy=number(load.loans.busy if load.loans else None),
        )
        for load in loads
    )


def latencies(dataset: Dataset) -> tuple[LatencyGroup, ...]:
    """Merged percentiles of every cell that has them; each curve is called by what differs in its part."""
    frame = dataset.latency.dropna(subset=["p50_ms"])
    groups: dict[str, tuple[LatencyRow, ...]] = {}
    for part, members in frame.groupby("part", sort=True):
        for (series, panel), rows in with_labels(members).groupby(["series", "panel"], sort=False):
            groups[f"{part}: {series}, {panel}"] = _latency_rows(rows)
    return tuple(LatencyGroup(name, rows) for name, rows in groups.items())


def _latency_rows(rows: pd.DataFrame) -> tuple[LatencyRow, ...]:
    return tuple(
        LatencyRow(
            pool=ABSENT if pd.isna(row["pool"]) else str(row["pool"]),
            clock=str(row["clock"]),
            count=f"{row['count']:,}",
            p50=number(row["p50_ms"]),
            p95=number(row["p95_ms"]),
            p99=number(row["p99_ms"]),
        )
        for row in rows.to_dict("records")
    )


def number(value: float | None, digits: int = 3) -> str:
    """Three significant digits with thousands separated; a dash for what is not available."""
    if value is None or math.isnan(value):
        return ABSENT
    if abs(value) >= 10**digits:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def _offered(cell: Cell) -> str:
    """Messages per second that were due."""
    return "changing" if cell.offered_msg_s is None else number(cell.offered_msg_s)


def _rows(curve: Curve) -> Iterator[TableRow]:
    steps = {step.to_pool: Step(claims.figure(step.ratio), claims.doubt(step.ratio)) for step in curve.steps}
    for seen in curve.cells:
        pool = seen.cell.pool
        yield _row(seen, steps.get(pool or 0, Step()), pool is not None and pool == curve.recommended)


def _row(seen: CellFigures, step: Step, recommended: bool) -> TableRow:
    return TableRow(
        pool=ABSENT if seen.cell.pool is None else str(seen.cell.pool),
        trials=str(seen.trials),
        throughput=f"{seen.throughput:,.0f}",
        interval=_interval(seen.interval),
        step=step,
        hold=number(seen.loans.hold_ms if seen.loans else None),
        requests=number(seen.loans.requests if seen.loans else None),
        needed=number(seen.loans.needed if seen.loans else None),
        busy=number(seen.loans.busy if seen.loans else None),
        waiting=number(seen.requests_waiting),
        timeouts=f"{seen.timeouts:,}",
        limit=seen.limit.value,
        recommended=recommended,
    )


def _silent_row(found: SilentCell) -> TableRow:
    return TableRow(
        pool=ABSENT if found.cell.pool is None else str(found.cell.pool),
        trials=str(found.trials),
        throughput=f"0 in {found.silent_trials} of {found.trials} trials",
    )


def _interval(interval: Interval | None) -> str:
    return ABSENT if interval is None else f"{interval.low:,.0f}–{interval.high:,.0f}"
