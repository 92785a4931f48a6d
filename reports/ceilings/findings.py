"""What a run of `queen ceiling` found, as values: each cell, each ratio, each window that does not count."""

import enum
from collections.abc import Iterable, Mapping
from statistics import median

from msgspec import Struct

from loadtests.results import CeilingCell, CeilingRatio, Ceilings, CeilingWindow
from reports.ceilings.pairs import Spread, spread

Rounds = Mapping[int, CeilingWindow]  # valid windows of one cell by round


class Answer(enum.Enum):
    """Whether a ratio is as wanted."""

    MET = "met"  # with its whole interval
    MISSED = "missed"  # with its whole interval
    OPEN_ABOVE = "met by the median, not by the interval"
    OPEN_BELOW = "missed by the median, not by the interval"
    NOT_JUDGED = ""  # nothing is wanted
    NOT_MEASURED = "not measured"


class CellFound(Struct, frozen=True, kw_only=True):
    """One cell over its valid windows. CPU seconds are per million messages, medians over the rounds."""

    cell: CeilingCell
    value: Spread | None
    p50_ms: float | None
    p99_ms: float | None
    server_cpu_s: float | None
    postgres_cpu_s: float | None
    generator_cpu_s: float | None
    figures: dict[str, float]
    invalid: int  # windows


class RatioFound(Struct, frozen=True, kw_only=True):
    """One ratio over the rounds in which both sides are valid."""

    ratio: CeilingRatio
    base: str  # key of the cell that it was compared with: the best, of several; "": a limit
    base_label: str
    values: tuple[float, ...]  # one of each round
    spread: Spread | None
    answer: Answer


class InvalidWindow(Struct, frozen=True):
    """A window that enters nothing, and why."""

    cell: str
    round: int
    faults: tuple[str, ...]


class CeilingFindings(Struct, frozen=True, kw_only=True):
    """Everything that the table, the charts and --json say."""

    cells: tuple[CellFound, ...]
    ratios: tuple[RatioFound, ...]
    invalid: tuple[InvalidWindow, ...]


def find(ceilings: Ceilings) -> CeilingFindings:
    """Work out a run."""
    rounds = {cell.key: _valid(ceilings.windows, cell.key) for cell in ceilings.cells}
    labels = {cell.key: cell.label for cell in ceilings.cells}
    return CeilingFindings(
        cells=tuple(_cell(cell, rounds[cell.key], ceilings.windows) for cell in ceilings.cells),
        ratios=tuple(_ratio(ratio, rounds, labels) for ratio in ceilings.ratios),
        invalid=tuple(
            InvalidWindow(window.cell, window.round, window.faults)
            for window in ceilings.windows
            if not window.valid
        ),
    )


def _valid(windows: Iterable[CeilingWindow], key: str) -> Rounds:
    return {window.round: window for window in windows if window.cell == key and window.valid}


def _cell(cell: CeilingCell, rounds: Rounds, windows: Iterable[CeilingWindow]) -> CellFound:
    names = dict.fromkeys(name for window in rounds.values() for name in window.figures)
    return CellFound(
        cell=cell,
        value=spread([window.value for window in rounds.values()]),
        p50_ms=_median(window.p50_ms for window in rounds.values()),
        p99_ms=_median(window.p99_ms for window in rounds.values()),
        server_cpu_s=_per_million(rounds, "server_cpu_s"),
        postgres_cpu_s=_per_million(rounds, "postgres_cpu_s"),
        generator_cpu_s=_per_million(rounds, "generator_cpu_s"),
        figures={
            name: median(w.figures[name] for w in rounds.values() if name in w.figures) for name in names
        },
        invalid=sum(window.cell == cell.key and not window.valid for window in windows),
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _per_million(rounds: Rounds, field: str) -> float | None:
    return _median(
        None if (cpu_s := getattr(window, field)) is None else 1e6 * cpu_s / window.run_messages
        for window in rounds.values()
        if window.run_messages
    )


def _ratio(ratio: CeilingRatio, rounds: Mapping[str, Rounds], labels: Mapping[str, str]) -> RatioFound:
    base = best(ratio.base, rounds) if ratio.base else ""
    values = tuple(
        figure / against
        for number, window in sorted(rounds.get(ratio.of, {}).items())
        if (figure := _figure(ratio, window, rounds.get(ratio.less, {}).get(number))) is not None
        and (against := _against(ratio, rounds.get(base, {}).get(number))) > 0
    )
    found = spread(values)
    return RatioFound(
        ratio=ratio,
        base=base,
        base_label=labels.get(base, base),
        values=values,
        spread=found,
        answer=_answer(ratio, found),
    )


def _figure(ratio: CeilingRatio, window: CeilingWindow, less: CeilingWindow | None) -> float | None:
    """What is divided; None: one of the two cells has no such figure."""
    figure = window.figure(ratio.figure)
    if figure is None or not ratio.less:
        return figure
    subtracted = less.figure(ratio.figure) if less is not None else None
    return None if subtracted is None else figure - subtracted


def _against(ratio: CeilingRatio, base: CeilingWindow | None) -> float:
    """What the figure of a round is divided by; 0: there is nothing to compare it with."""
    if not ratio.base:
        return ratio.floor
    figure = base.figure(ratio.figure) if base is not None else None
    return max(ratio.floor, ratio.times * figure) if figure else 0.0


def best(keys: tuple[str, ...], rounds: Mapping[str, Rounds]) -> str:
    """The cell with the highest median; one choice for all rounds, or luck would choose the base."""

    def level(key: str) -> float:
        return median([window.value for window in rounds.get(key, {}).values()] or [0.0])

    return max(keys, key=level)


def _answer(ratio: CeilingRatio, found: Spread | None) -> Answer:
    if found is None:
        return Answer.NOT_MEASURED
    if ratio.wanted is None:
        return Answer.NOT_JUDGED
    upward = ratio.direction == "at_least"

    def reached(value: float) -> bool:
        assert ratio.wanted is not None
        return value >= ratio.wanted if upward else value <= ratio.wanted

    low, high = (found.interval.low, found.interval.high) if found.interval else (found.median, found.median)
    if found.interval and reached(low) and reached(high):
        return Answer.MET
    if found.interval and not reached(low) and not reached(high):
        return Answer.MISSED
    return Answer.OPEN_ABOVE if reached(found.median) else Answer.OPEN_BELOW
