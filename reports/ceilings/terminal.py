"""The figures on stdout: cells, ratios, windows that do not count, the finding; or all of it as JSON."""

from pathlib import Path

import msgspec

from loadtests.results import Manifest
from reports.ceilings import wording
from reports.ceilings.advice import advice
from reports.ceilings.findings import CeilingFindings
from reports.terminal import indented, print_table


class CeilingOutput(msgspec.Struct, frozen=True):
    """What `queen report --json` prints of such a run."""

    finding: str
    advice: tuple[str, ...]
    report: str  # path of report.html
    findings: CeilingFindings
    notes: tuple[str, ...]


def show(found: CeilingFindings, manifest: Manifest, page: Path) -> None:
    """Cells, ratios, what does not count, the finding, what it says of settings, and where the page is."""
    print_table(wording.CELL_HEADINGS, [wording.cell_row(each) for each in found.cells], wording.CELL_CAPTION)
    print()
    if found.ratios:
        print_table(
            wording.RATIO_HEADINGS, [wording.ratio_row(each) for each in found.ratios], wording.RATIO_CAPTION
        )
    for window in found.invalid:
        print(f"INVALID {window.cell}, round {window.round + 1}: {'; '.join(window.faults)}")
    print(wording.database(manifest))
    for note in manifest.notes:
        print(note)
    print(wording.headline(found))
    for sentence in advice(found):
        print(sentence)
    print(page)


def as_json(found: CeilingFindings, manifest: Manifest, page: Path) -> str:
    """One JSON object: finding, advice, report, findings, notes."""
    output = CeilingOutput(wording.headline(found), advice(found), str(page), found, manifest.notes)
    return indented(output)
