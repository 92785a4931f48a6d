"""Findings and windows → tidy frames for the charts."""

import math
from collections import Counter

import pandas as pd

from loadtests.results import Ceilings
from reports.ceilings.findings import CeilingFindings, CellFound, RatioFound
from reports.ceilings.wording import wanted

GROUPS = {"raw": "What the database can do", "server": "What the server does"}
JUDGED, SHOWN = "Ratios with a wanted value", "Other ratios"
MOST_ROWS = 24  # of one panel; a larger group is drawn by kind


def levels(found: CeilingFindings) -> pd.DataFrame:
    """One row for each cell in messages per second: panel, group, label, median, lowest, highest."""
    cells = [each for each in found.cells if each.value is not None and each.cell.unit == "msg/s"]
    sizes = Counter(each.cell.group for each in cells)
    rows = [
        {
            "panel": _panel(each, crowded=sizes[each.cell.group] > MOST_ROWS),
            "group": each.cell.group,
            "label": each.cell.label,
            "median": each.value.median,
            "lowest": each.value.lowest,
            "highest": each.value.highest,
        }
        for each in cells
        if each.value is not None
    ]
    return pd.DataFrame(rows, columns=["panel", "group", "label", "median", "lowest", "highest"])


def ratios(found: CeilingFindings) -> pd.DataFrame:
    """One row for each ratio: panel, label, median, low, high (interval, else range), wanted, wanted_text.

    A difference that was zero or less in a round has no place on a log scale, and none here.
    """
    kinds = {each.cell.key: each.cell.kind for each in found.cells}
    crowded = sum(each.ratio.wanted is None for each in found.ratios) > MOST_ROWS
    return pd.DataFrame(
        [
            _ratio(each, f"{SHOWN}: {kinds[each.ratio.of]}" if crowded else SHOWN)
            for each in found.ratios
            if each.spread is not None and each.spread.lowest > 0
        ],
        columns=["panel", "label", "median", "low", "high", "wanted", "wanted_text"],
    ).sort_values("panel", key=lambda panels: panels != JUDGED, kind="stable")


def courses(ceilings: Ceilings) -> pd.DataFrame:
    """One row for each step of a valid window's courses: panel, name, unit, t_s (middle), end_s, rate."""
    labels = {cell.key: cell.label for cell in ceilings.cells}
    rounds = max((window.round for window in ceilings.windows), default=0) + 1
    return pd.DataFrame(
        [
            {
                "panel": labels[window.cell] + (f", round {window.round + 1}" if rounds > 1 else ""),
                "name": course.name,
                "unit": course.unit,
                "t_s": (step + 0.5) * course.step_s,
                "end_s": (step + 1) * course.step_s,
                "rate": rate,
            }
            for window in ceilings.windows
            if window.valid
            for course in window.courses
            for step, rate in enumerate(course.values)
        ],
        columns=["panel", "name", "unit", "t_s", "end_s", "rate"],
    )


def _panel(found: CellFound, *, crowded: bool) -> str:
    group = GROUPS[found.cell.group]
    return f"{group}: {found.cell.kind}" if crowded else group


def _ratio(found: RatioFound, shown: str) -> dict[str, object]:
    spread = found.spread
    assert spread is not None
    judged = found.ratio.wanted is not None
    return {
        "panel": JUDGED if judged else shown,
        "label": found.ratio.label,
        "median": spread.median,
        "low": spread.interval.low if spread.interval else spread.lowest,
        "high": spread.interval.high if spread.interval else spread.highest,
        "wanted": found.ratio.wanted if judged else math.nan,
        "wanted_text": wanted(found.ratio) if judged else "",
    }
