"""How a configuration is called: only by the factors that differ between the things being compared."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from loadtests.results import Cell

STRATEGY_ORDER = ("sequential", "batch", "coalesce")  # as the guide tells them
ONE_PUSH_A_LOAN = ("sequential", "batch")  # every push borrows a connection for itself
FACTORS = tuple(name for name in Cell.__struct_fields__ if name not in ("pool", "db_rtt_ms"))
LOCAL_BELOW_MS = 0.5  # a network's round trip is longer, a socket's on one machine shorter
_SHOWN_AS_VALUE = frozenset({"strategy", "shape", "loop", "client"})
_UNITS = {"connection_timeout_ms": "ms time-out", "rate_msg_s": "msg/s offered", "payload_bytes": "bytes"}
_NAMES = {"num_workers": "workers", "batch": "messages a push"}


def is_local(db_rtt_ms: float, direct_rtt_ms: float | None) -> bool:
    """Whether the database may be called local: nothing was added, and it is known to be near."""
    return db_rtt_ms == 0 and direct_rtt_ms is not None and direct_rtt_ms < LOCAL_BELOW_MS


def round_trip(db_rtt_ms: float, direct_rtt_ms: float | None) -> str:
    """What is said about the way to the database: "local", "2 ms round trip".

    `direct_rtt_ms` is the round trip without the added one, None when nobody knows it; of a database that
    may be far away only what was added is told, and what was measured.
    """
    if is_local(db_rtt_ms, direct_rtt_ms):
        return "local"
    if is_local(0, direct_rtt_ms):
        return f"{db_rtt_ms:g} ms round trip"
    added = f"{db_rtt_ms:g} ms round trip added" if db_rtt_ms else "no round trip added"
    if direct_rtt_ms is None:
        return added
    return f"{added} ({direct_rtt_ms:.2g} ms measured{' without it' if db_rtt_ms else ''})"


def instance(worst: bool) -> str:
    """Which of several trials a remark's detail is of."""
    return "at worst" if worst else "for instance"


def varying(cells: Iterable[Cell]) -> tuple[str, ...]:
    """The factors, beside pool and round trip, in which the cells differ."""
    listed = tuple(cells)
    return tuple(name for name in FACTORS if len({getattr(cell, name) for cell in listed}) > 1)


def series(cell: Cell, factors: Sequence[str]) -> str:
    """A cell's name among cells that differ in `factors`; its strategy when nothing differs."""
    names = factors or ("strategy",)
    return _join({name: getattr(cell, name) for name in names})


def with_labels(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with columns `series` (as above) and `panel` (the round trip), both string.

    Rows come by rising round trip, then strategy as the guide tells them, then pool.
    """
    names = [name for name in FACTORS if name in frame and frame[name].nunique(dropna=False) > 1]
    rows = frame[names or ["strategy"]].astype(object).where(lambda values: values.notna(), None)
    labels = [_join({str(name): value for name, value in row.items()}) for row in rows.to_dict("records")]
    ways = zip(frame["db_rtt_ms"], frame["direct_rtt_ms"], strict=True)
    panels = [round_trip(rtt, None if pd.isna(direct) else direct) for rtt, direct in ways]
    places = [strategy_place(strategy) for strategy in frame["strategy"].astype(object)]
    labelled = frame.assign(series=labels, panel=panels, strategy_place=places)
    by = ["db_rtt_ms", "strategy_place", "series", "pool"]
    return labelled.sort_values(by, kind="stable").drop(columns="strategy_place")


def strategy_place(strategy: object) -> int:
    """Where a strategy stands among others; unknown ones come last."""
    known = isinstance(strategy, str) and strategy in STRATEGY_ORDER
    return STRATEGY_ORDER.index(str(strategy)) if known else len(STRATEGY_ORDER)


def _join(values: Mapping[str, object]) -> str:
    return ", ".join(_one(name, value) for name, value in values.items()) or "all"


def _one(name: str, value: object) -> str:
    if value is None:
        return "all" if name == "strategy" else f"{name} not set"
    if name in _SHOWN_AS_VALUE:
        return str(value)
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    if name in _UNITS:
        return f"{shown} {_UNITS[name]}"
    return f"{shown} {_NAMES[name]}" if name in _NAMES else f"{name}={shown}"
