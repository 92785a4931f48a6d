"""Names of cells, trials and databases: sortable, short, safe as a directory and as an identifier."""

import re
from collections.abc import Sequence

from loadtests.results import Cell

DATABASE_PREFIX = "queen_trial_"

# How a factor is written in a trial's name; a factor that is not here is written with its own name.
_SHORT = {
    "strategy": "{}",
    "pool": "p{}",
    "db_rtt_ms": "rtt{:g}",
    "batch": "n{}",
    "clients": "c{}",
    "shape": "{}",
    "connection_timeout_ms": "t{}",
    "synchronous_commit": "commit-{}",
}


def cell_labels(cells: Sequence[Cell]) -> tuple[str, ...]:
    """One short name for each cell, made of the factors in which they differ (and of the pool, always)."""
    differing = [
        name
        for name in ("strategy", *(name for name in Cell.__struct_fields__ if name != "strategy"))
        if name == "pool" or len({getattr(cell, name) for cell in cells}) > 1
    ]
    if "clients" in differing and "partitions" in differing:
        differing.remove("partitions")  # one per client
    return tuple("-".join(_short(name, getattr(cell, name)) for name in differing) for cell in cells)


def trial_id(order: int, part: str, block: int, label: str, attempt: int) -> str:
    """`007-capacity-b1-sequential-p20-rtt2`, for a repeat `…-again1`."""
    again = f"-again{attempt}" if attempt else ""
    return f"{order:03d}-{part}-b{block}-{label}{again}"


def database_name(run: str, order: int) -> str:
    """A database of its own for one trial; lower case, at most 63 bytes."""
    return f"{DATABASE_PREFIX}{re.sub('[^a-z0-9]', '', run.lower())[:24]}_{order:03d}"


def run_tag(order: int, attempt: int) -> str:
    """The prefix of a trial's transactionIds."""
    return f"t{order}a{attempt}"


def _short(name: str, value: object) -> str:
    form = _SHORT.get(name, name.replace("_", "-") + "{}")
    return re.sub(r"[^a-z0-9.-]", "-", form.format(value).lower())
