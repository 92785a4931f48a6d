"""Findings of `queen ceiling` → texts: the sentence, the titles, the rows of its two tables."""

from collections.abc import Iterable
from statistics import median

from loadtests.results import CeilingRatio, CeilingWindow, Manifest
from reports.ceilings.findings import Answer, CeilingFindings, CellFound, RatioFound
from reports.ceilings.pairs import Spread

ABSENT = "–"
TOLD_SETTINGS = ("shared_buffers", "max_wal_size")
CELL_HEADINGS = (
    "cell",
    "median",
    "lowest–highest",
    "unit",
    "p99 ms",
    "server CPU",
    "PostgreSQL CPU",
    "generator CPU",
)
CELL_CAPTION = "medians over the rounds; CPU: seconds for a million messages"
RATIO_HEADINGS = ("ratio", "median", "lowest–highest", "95% interval", "wanted", "")
RATIO_CAPTION = "each worked out within a round; interval: Student's t over the logarithms"


def headline(found: CeilingFindings) -> str:
    """How many of the ratios are as wanted."""
    judged = [each for each in found.ratios if each.ratio.wanted is not None]
    if not judged:
        return f"{len(found.ratios)} ratios, none of which has a wanted value."
    counts = {answer: sum(each.answer is answer for each in judged) for answer in Answer}
    words = [f"{counts[Answer.MET]} of {len(judged)} ratios are as wanted with their whole interval"]
    for answer in (Answer.OPEN_ABOVE, Answer.OPEN_BELOW, Answer.MISSED, Answer.NOT_MEASURED):
        if counts[answer]:
            words.append(f"{counts[answer]} {answer.value}")
    return "; ".join(words) + "."


def fastest(found: CeilingFindings) -> str:
    """What is stored and read at best, directly and over HTTP: the title of the chart of levels.

    Empty when nothing was measured in messages per second.
    """
    words = []
    for verb, kinds in (("stored", ("write", "push")), ("read", ("read", "pop", "pop, then ack"))):
        levels = {"directly": _best(found, "raw", kinds), "over HTTP": _best(found, "server", kinds)}
        known = [f"{level(value)} msg/s {how}" for how, value in levels.items() if value is not None]
        if known:
            words.append(f"{verb} at best {', '.join(known)}")
    text = "; ".join(words)
    return text[:1].upper() + text[1:]


def database(manifest: Manifest) -> str:
    """PostgreSQL and those of its settings on which rates depend most."""
    told = [f"{name} {manifest.postgres_settings.get(name, 'as by default')}" for name in TOLD_SETTINGS]
    return f"PostgreSQL {manifest.versions.postgres or 'of unknown version'}: {', '.join(told)}"


def steadiness(windows: Iterable[CeilingWindow]) -> str:
    """How far the slowest step of each rate fell, over all windows that count: the title of their chart."""
    lowest: dict[str, float] = {}
    for window in windows:
        for course in window.courses if window.valid else ():
            middle = median(course.values)
            share = min(course.values) / middle if middle else 0.0
            lowest[course.name] = min(share, lowest.get(course.name, share))
    words = [f"{name} {share:.0%}" for name, share in lowest.items()]
    return f"The slowest step has of the median one: {', '.join(words)}"


def _best(found: CeilingFindings, group: str, kinds: tuple[str, ...]) -> float | None:
    return max(
        (
            each.value.median
            for each in found.cells
            if each.value is not None
            and each.cell.group == group
            and each.cell.kind in kinds
            and each.cell.unit == "msg/s"
        ),
        default=None,
    )


def wanted(ratio: CeilingRatio) -> str:
    """`≥ 0.7`."""
    if ratio.wanted is None:
        return ABSENT
    return f"{'≥' if ratio.direction == 'at_least' else '≤'} {ratio.wanted:g}"


def cell_row(found: CellFound) -> tuple[str, ...]:
    """Texts below `CELL_HEADINGS`."""
    spread = found.value
    return (
        found.cell.label,
        ABSENT if spread is None else level(spread.median),
        ABSENT if spread is None else f"{level(spread.lowest)}–{level(spread.highest)}",
        found.cell.unit,
        ABSENT if found.p99_ms is None else f"{found.p99_ms:.2f}",
        _seconds(found.server_cpu_s),
        _seconds(found.postgres_cpu_s),
        _seconds(found.generator_cpu_s),
    )


def ratio_row(found: RatioFound) -> tuple[str, ...]:
    """Texts below `RATIO_HEADINGS`."""
    spread = found.spread
    return (
        f"{found.ratio.label} ({found.base_label})" if len(found.ratio.base) > 1 else found.ratio.label,
        ABSENT if spread is None else f"{spread.median:.2f}",
        ABSENT if spread is None else f"{spread.lowest:.2f}–{spread.highest:.2f}",
        _interval(spread),
        wanted(found.ratio),
        found.answer.value,
    )


def level(value: float) -> str:
    """`95,418`, `0.403`."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _interval(spread: Spread | None) -> str:
    if spread is None or spread.interval is None:
        return ABSENT
    return f"{spread.interval.low:.2f}–{spread.interval.high:.2f}"


def _seconds(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.1f}"
