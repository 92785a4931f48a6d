"""The dtype of every column, in one place: the same frame whatever was missing in its rows.

Whole numbers that may be missing are `Int64`, other numbers float64 (missing: NaN), texts `string`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

Row = dict[str, Any]  # one row on its way into a frame; goes no further


def frame(rows: Iterable[Row], columns: Sequence[str] = ()) -> pd.DataFrame:
    """Rows as a typed frame; without rows an empty one that has `columns`."""
    listed = [constants(row) for row in rows]
    return typed(pd.DataFrame(listed) if listed else pd.DataFrame(columns=list(columns)))


def constants(row: Row) -> Row:
    """A row whose values `DataFrame.assign` repeats; None becomes pandas' missing value."""
    return {name: _missing(value) for name, value in row.items()}


def _missing(value: object) -> object:
    return pd.NA if value is None else value


_TEXTS = {"run_id", "trial_id", "part", "strategy", "loop", "shape", "client", "synchronous_commit"}
_TEXTS |= {"clock", "remarks"}
_NULLABLE_INTEGERS = {"pool", "connection_timeout_ms"}
_INTEGERS = {"block", "order", "attempt", "num_workers", "clients", "batch", "payload_bytes", "partitions"}
_INTEGERS |= {"requests_ok", "requests_not_done", "requests_unknown", "requests_missed", "requests_held"}
_INTEGERS |= {"trials", "count"}


def typed(table: pd.DataFrame) -> pd.DataFrame:
    """The frame with each column in its documented dtype."""
    kinds: Mapping[str, str] = {name: _dtype(name) for name in table.columns}
    floats = [name for name, kind in kinds.items() if kind == "float64"]
    return table.assign(**{name: pd.to_numeric(table[name], errors="coerce") for name in floats}).astype(
        kinds
    )


def _dtype(name: str) -> str:
    if name in _TEXTS:
        return "string"
    if name in _NULLABLE_INTEGERS:
        return "Int64"
    if name == "valid":
        return "bool"
    return "int64" if name in _INTEGERS else "float64"
