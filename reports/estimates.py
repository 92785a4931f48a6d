"""The `estimates` frame: one row a curve and pool, with interval; what the capacity charts draw."""

from collections.abc import Iterable

import msgspec
import pandas as pd

from reports.verdict import Curve

COLUMNS = (
    "throughput",
    "low",
    "high",
    "pushes_per_s",
    "loans_per_s",
    "requests_per_loan",
    "hold_ms",
    "needed",
    "busy",
    "waiting",
    "direct_rtt_ms",
)


def estimates_frame(curves: Iterable[Curve]) -> pd.DataFrame:
    """The frame; empty without curves.

    Columns: `part`, every field of `Cell`, `trials`; as float64 (missing: NaN) `direct_rtt_ms` (see
    `reports.dataset`), `throughput`, `low`, `high` (messages/s and interval), `pushes_per_s`,
    `loans_per_s`, `requests_per_loan`, `hold_ms`, `needed` (connections, by Little's law), `busy`,
    `waiting`; `limit` (string); `recommended` (bool: the
    pool to use).
    """
    rows = [
        {"part": curve.part, "direct_rtt_ms": curve.direct_rtt_ms}
        | msgspec.structs.asdict(seen.cell)
        | {
            "trials": seen.trials,
            "throughput": seen.throughput,
            "low": seen.interval.low if seen.interval else None,
            "high": seen.interval.high if seen.interval else None,
            "pushes_per_s": seen.pushes_per_s,
            "loans_per_s": seen.loans.per_s if seen.loans else None,
            "requests_per_loan": seen.loans.requests if seen.loans else None,
            "hold_ms": seen.loans.hold_ms if seen.loans else None,
            "needed": seen.loans.needed if seen.loans else None,
            "busy": seen.loans.busy if seen.loans else None,
            "waiting": seen.waiting,
            "limit": seen.limit.value,
            "recommended": curve.recommended == seen.cell.pool,
        }
        for curve in curves
        for seen in curve.cells
    ]
    frame = pd.DataFrame(rows)
    return frame.astype(dict.fromkeys(COLUMNS, "float64")) if rows else frame
