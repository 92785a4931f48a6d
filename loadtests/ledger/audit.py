"""Reads what the table holds and judges it by the law (`loadtests.ledger.law`).

The audit holds a snapshot while it reads: run it after the load, never beside it.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from loadtests.ledger.law import WHOLE_PRODUCER, Stretch, compare
from loadtests.results import Accounting, Ledger
from queen.local.open_database import Connection

STORED_SQL = Path(__file__).with_name("stored.sql").read_text(encoding="utf-8")


async def audit(
    connection: Connection, ledger: Ledger, *, order_scope: int = WHOLE_PRODUCER, timeout_s: float = 60.0
) -> Accounting:
    """Read the ledger's queue from the table in one query and compare.

    `order_scope` is the number of consecutive sequences that must be in order (`scope_of_order`). Raises
    asyncpg.PostgresError and TimeoutError (after `timeout_s`).
    """
    rows = await connection.fetch(STORED_SQL, ledger.queue, ledger.run_tag, order_scope, timeout=timeout_s)
    return compare(ledger, _stretches(rows), order_scope=order_scope)


def _stretches(rows: Iterable[Any]) -> Iterator[Stretch]:
    """Join the row that starts a stretch and the row that ends it, which follow each other."""
    first = 0
    for row in rows:
        if row["starts"]:
            first = row["sequence"]
        if row["ends"]:
            yield Stretch(row["partition"], row["producer"], first, row["sequence"])
