"""The figures on stdout: cells, ratios, windows that do not count, and what it comes to in one sentence."""

from pathlib import Path

import msgspec

from loadtests.results import CeilingRatio
from reports.ceilings.findings import Answer, CeilingFindings, CellFound, RatioFound
from reports.ceilings.pairs import Spread
from reports.terminal import print_table

ABSENT = "–"


class CeilingOutput(msgspec.Struct, frozen=True):
    """What `queen report --json` prints of such a run."""

    finding: str
    report: str  # path of report.html
    findings: CeilingFindings


def show(found: CeilingFindings, page: Path) -> None:
    """Cells, ratios, what does not count, the finding, and where the page is."""
    print_table(
        ("cell", "median", "lowest–highest", "unit", "p99 ms", "server", "postgres", "generator"),
        [_cell_row(each) for each in found.cells],
        "medians over the rounds; the last three columns: CPU seconds per million messages",
    )
    print()
    print_table(
        ("ratio", "median", "lowest–highest", "95% interval", "wanted", ""),
        [_ratio_row(each) for each in found.ratios],
        "each worked out within a round; interval: Student's t over the logarithms",
    )
    for window in found.invalid:
        print(f"INVALID {window.cell}, round {window.round + 1}: {'; '.join(window.faults)}")
    print(headline(found))
    print(page)


def as_json(found: CeilingFindings, page: Path) -> str:
    """One JSON object: finding, report, findings."""
    output = CeilingOutput(headline(found), str(page), found)
    return msgspec.json.format(msgspec.json.encode(output), indent=1).decode()


def headline(found: CeilingFindings) -> str:
    """How many of the ratios are as wanted."""
    judged = [each for each in found.ratios if each.ratio.wanted is not None]
    counts = {answer: sum(each.answer is answer for each in judged) for answer in Answer}
    words = [f"{counts[Answer.MET]} of {len(judged)} ratios are as wanted"]
    for answer in (Answer.OPEN_ABOVE, Answer.OPEN_BELOW, Answer.MISSED, Answer.NOT_MEASURED):
        if counts[answer]:
            words.append(f"{counts[answer]} {answer.value}")
    return "; ".join(words) + "."


def wanted(ratio: CeilingRatio) -> str:
    """`≥ 0.7`."""
    if ratio.wanted is None:
        return ABSENT
    return f"{'≥' if ratio.direction == 'at_least' else '≤'} {ratio.wanted:g}"


def _cell_row(found: CellFound) -> tuple[str, ...]:
    spread = found.value
    return (
        found.cell.label,
        ABSENT if spread is None else _level(spread.median),
        ABSENT if spread is None else f"{_level(spread.lowest)}–{_level(spread.highest)}",
        found.cell.unit,
        ABSENT if found.p99_ms is None else f"{found.p99_ms:.2f}",
        _seconds(found.server_cpu_s),
        _seconds(found.postgres_cpu_s),
        _seconds(found.generator_cpu_s),
    )


def _ratio_row(found: RatioFound) -> tuple[str, ...]:
    spread = found.spread
    return (
        found.ratio.label,
        ABSENT if spread is None else f"{spread.median:.2f}",
        ABSENT if spread is None else f"{spread.lowest:.2f}–{spread.highest:.2f}",
        _interval(spread),
        wanted(found.ratio),
        found.answer.value,
    )


def _interval(spread: Spread | None) -> str:
    if spread is None or spread.interval is None:
        return ABSENT
    return f"{spread.interval.low:.2f}–{spread.interval.high:.2f}"


def _level(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _seconds(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.1f}"
