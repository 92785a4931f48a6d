"""Locust's own `--csv PREFIX` output as trials, so that any Locust run can be charted.

Locust does not know the pool size, so the file name must: `pool-20_stats.csv`, `pool=20/run_stats.csv`.
A `strategy-NAME` part of the path is read likewise. Several files of one pool count as repeats. Only
`PREFIX_stats.csv` is needed: `PREFIX_stats_history.csv` holds sliding 10 s windows, from which no result
may be computed; it is used for the start time alone.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from loadtests.results import Cell, Latency, LoadResult, ResultError, Trial

SUFFIX, HISTORY_SUFFIX = "_stats.csv", "_stats_history.csv"
PART = "locust"
_POOL = re.compile(r"pool[-_=]?(\d+)", re.IGNORECASE)
_STRATEGY = re.compile(r"strategy[-_=]([A-Za-z]+)", re.IGNORECASE)


def find(path: Path) -> list[Path]:
    """The `*_stats.csv` files that a path means. Raises `ResultError` when there are none."""
    if path.is_dir():
        found = sorted(path.rglob(f"*{SUFFIX}"))
    elif path.name.endswith(HISTORY_SUFFIX):
        found = [path.with_name(path.name.removesuffix(HISTORY_SUFFIX) + SUFFIX)]
    elif path.name.endswith(SUFFIX):
        found = [path]
    else:
        found = [path.with_name(path.name + SUFFIX)]
    missing = [file for file in found if not file.is_file()]
    if missing or not found:
        raise ResultError(f"{path}: neither a run directory nor Locust --csv output (*{SUFFIX})")
    return found


def read_trials(tables: Sequence[Path], batch: int) -> tuple[Trial, ...]:
    """One trial a file, `batch` messages a request. Raises `ResultError` naming the bad file."""
    return tuple(_trial(path, order, batch) for order, path in enumerate(tables))


def _trial(path: Path, order: int, batch: int) -> Trial:
    row = _aggregated(path)
    pool = _POOL.search(f"{path.parent.name}/{path.name}")
    if pool is None:
        raise ResultError(f"{path}: name the file after its pool size, for instance pool-20{SUFFIX}")
    strategy = _STRATEGY.search(f"{path.parent.name}/{path.name}")
    try:
        load = _load(row, batch, _started_at(path))
    except (KeyError, ValueError, ZeroDivisionError) as error:
        raise ResultError(f"{path}: not a Locust statistics table: {error!r}") from None
    return Trial(
        trial_id=str(path).removesuffix(SUFFIX),
        part=PART,
        block=0,  # separate runs: nothing says that they were interleaved
        order=order,
        cell=Cell(strategy=strategy and strategy[1], pool=int(pool[1]), batch=batch),
        started_at=load.started_at,
        load=load,
    )


def _aggregated(path: Path) -> dict[str, str]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row.get("Name") == "Aggregated"]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ResultError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if not rows:
        raise ResultError(f"{path}: no row named Aggregated; is it Locust's --csv output?")
    return rows[-1]


def _load(row: dict[str, str], batch: int, started_at: str) -> LoadResult:
    sent, failed = int(row["Request Count"]), int(row["Failure Count"])
    succeeded = sent - failed
    service = Latency(
        count=sent,
        p50_ms=float(row["50%"]),
        p90_ms=float(row["90%"]),
        p95_ms=float(row["95%"]),
        p99_ms=float(row["99%"]),
        p999_ms=float(row["99.9%"]),
        max_ms=float(row["100%"]),
    )
    return LoadResult(
        started_at=started_at,
        started_monotonic_s=0.0,
        warmup_s=0.0,
        measured_s=sent / float(row["Requests/s"]),
        users=0,
        requests_sent=sent,
        requests_ok=succeeded,
        requests_not_done=failed,
        requests_unknown=0,
        messages_acknowledged=succeeded * batch,
        total_messages_acknowledged=succeeded * batch,
        service=service,
        response=None,
    )


def _started_at(path: Path) -> str:
    history = path.with_name(path.name.removesuffix(SUFFIX) + HISTORY_SUFFIX)
    try:
        with history.open(newline="", encoding="utf-8") as file:
            stamps: Iterable[str] = (row["Timestamp"] for row in csv.DictReader(file))
            first = next(iter(stamps), None)
    except (OSError, KeyError, csv.Error):
        first = None
    return "" if first is None else datetime.fromtimestamp(float(first), UTC).isoformat()
