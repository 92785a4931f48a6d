"""Reads what the table holds and judges it by the law (`loadtests.ledger.law`).

The audit holds a snapshot while it reads: run it after the load, never beside it. The rows come through a
cursor, a thousand at a time, so its memory does not grow with the messages.
"""

import asyncio
from pathlib import Path

from loadtests.ledger.law import WHOLE_PRODUCER, StoredLog, Stretch
from loadtests.ledger.patience import patience_s
from loadtests.results import Accounting, Ledger
from queen.local.open_database import Connection

STORED_SQL = Path(__file__).with_name("stored.sql").read_text(encoding="utf-8")
ROWS_AT_ONCE = 1_000


async def audit(
    connection: Connection,
    ledger: Ledger,
    *,
    order_scope: int = WHOLE_PRODUCER,
    timeout_s: float | None = None,
) -> Accounting:
    """Read the ledger's queue from the table in one query and judge it.

    `order_scope` is the number of consecutive sequences that must be in order (`scope_of_order`). Raises
    `DATABASE_FAILURES`, of them TimeoutError after `timeout_s` (None: by their number), which it names.
    """
    timeout_s = patience_s(ledger.producers) if timeout_s is None else timeout_s
    log = StoredLog(ledger, order_scope)
    try:
        async with asyncio.timeout(timeout_s), connection.transaction(readonly=True):
            cursor = await connection.cursor(STORED_SQL, ledger.queue, ledger.run_tag)
            while rows := await cursor.fetch(ROWS_AT_ONCE):
                log.add(Stretch(*row) for row in rows)
    except TimeoutError:
        raise TimeoutError(f"reading them took longer than {timeout_s:.3g} s") from None
    return log.account()
