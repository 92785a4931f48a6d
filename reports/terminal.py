"""Findings on stdout: a table for people, aligned text when piped, JSON for programs."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from reports import claims, tables, wording
from reports.advice import Caution, Notice, by_caution
from reports.comparison import Comparison
from reports.verdict import Verdict

_HEADINGS = (
    "configuration",
    "pool",
    "per second",
    "95% interval",
    "over the smaller pool",
    "hold ms",
    "a loan",
    "busy",
)
_LEAST_WIDTH = 100  # columns that the boxed table needs


class ReportOutput(msgspec.Struct, frozen=True):
    """What `queen report --json` prints."""

    finding: str
    findings: tuple[str, ...]
    report: str  # path of report.html
    verdict: Verdict


def show(verdict: Verdict, page: Path) -> None:
    """Table, cautions, the finding in one sentence, and where the page is; that a load failed comes first."""
    rows = [
        (
            group.name if place == 0 else "",
            f"{row.pool} *" if row.recommended else row.pool,
            row.throughput,
            row.interval,
            str(row.step),
            row.hold,
            row.requests,
            row.busy,
        )
        for group in tables.table(verdict.curves, verdict.silent)
        for place, row in enumerate(group.rows)
    ]
    if rows:
        figures = f"{verdict.unit} acknowledged per second; a loan: requests that one serves"
        print_table(_HEADINGS, rows, f"{figures}; * recommended pool")
    if any(step.ratio.too_small for curve in verdict.curves for step in curve.steps):
        print(claims.how_to_read(verdict.validity.precision))
    failed = verdict.load is not None and verdict.load.in_vain
    if failed:  # then nothing else matters
        print(wording.headline(verdict))
    _notices(verdict.notices)
    if not failed:
        print(wording.headline(verdict))
    print(page)


def as_json(verdict: Verdict, page: Path) -> str:
    """One JSON object: finding, findings, report, verdict."""
    output = ReportOutput(wording.headline(verdict), wording.sentences(verdict), str(page), verdict)
    return indented(output)


def show_comparison(found: Comparison) -> None:
    """Whose figures do not count, a line for each common cell, what differs, and what to keep in mind."""
    for sentence in who_does_not_count(found):
        print(sentence)
    cells = [seen.cell for seen in found.cells]
    rows = [
        (
            wording.cell_name(seen.cell, cells, found.direct_rtt_ms),
            str(seen.cell.pool or tables.ABSENT),
            claims.ratio(seen.ratio),
        )
        for seen in found.cells
    ]
    print_table(
        ("configuration", "pool", f"{found.other} over {found.base}"), rows, "ratio with 95% interval"
    )
    if found.only_base or found.only_other:
        print(f"Not compared: {found.only_base} cells of {found.base}, {found.only_other} of {found.other}.")
    if any(seen.ratio.too_small for seen in found.cells):
        print(claims.how_to_read())
    _differences(found)
    _notices(found.notices)


def who_does_not_count(found: Comparison) -> Iterator[str]:
    """A sentence for each run whose account is broken."""
    for name in found.broken:
        broken = (notice.detail for notice in found.notices if notice.caution is Caution.ACCOUNTING_BROKEN)
        because = "; ".join(text.removeprefix(f"{name}: ") for text in broken if text.startswith(f"{name}: "))
        yield f"The figures of {name} do not count: not every message is accounted for ({because})."


def _differences(found: Comparison) -> None:
    if not found.differences:
        print("Nothing that was recorded of machine, versions, settings and experiment differs.")
        return
    print(f"What differs ({found.base} | {found.other}):")
    for each in found.differences:
        print(each)


def comparison_as_json(found: Comparison) -> str:
    """The `Comparison` as JSON."""
    return indented(found)


def indented(output: msgspec.Struct) -> str:
    """It as JSON, for a person to read as well."""
    return msgspec.json.format(msgspec.json.encode(output), indent=1).decode()


def _notices(notices: Sequence[Notice]) -> None:
    for caution, details in by_caution(notices).items():
        print(f"{caution.value}: {'; '.join(details)}. {caution.what_to_do}")


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> None:
    """A boxed table for a person at a wide terminal, aligned text for a pipe. The first column is text."""
    console = Console()
    if sys.stdout.isatty() and console.width >= _LEAST_WIDTH:
        table = Table(box=box.SIMPLE_HEAD, caption=caption, caption_justify="left")
        for place, heading in enumerate(headings):
            table.add_column(heading, justify="left" if place == 0 else "right", no_wrap=True)
        for row in rows:
            table.add_row(*row)
        console.print(table)
        return
    widths = [max(len(row[place]) for row in (headings, *rows)) for place in range(len(headings))]
    for row in (headings, *rows):
        padded = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        print("  ".join(padded).rstrip())
    print(f"({caption})")
