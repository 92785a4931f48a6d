"""Compares what the table holds with what the generator was told: is every message accounted for?

The law: acknowledged ⊆ stored, and stored − acknowledged ⊆ unknown. A message that was acknowledged and
is not there is lost; one that is there twice is duplicated; one that is there although it was refused or
never issued is unexplained. Order is judged within a producer and partition by position: a closed loop
sends one push after the other, so all of a producer's messages must be in order; an open loop has
several pushes of a producer in flight at once, so only the messages of each push must be.

The audit holds a snapshot while it reads: run it after the load, never beside it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import asyncpg

from loadtests.ledger.intervals import IntervalSet
from loadtests.results import Accounting, Ledger

STORED_SQL = Path(__file__).with_name("stored.sql").read_text(encoding="utf-8")
WHOLE_PRODUCER = 1 << 62  # sequences per scope of order: more than any producer sends
FOREIGN = -1  # producer of messages that are not of this load

Connection = asyncpg.Connection[asyncpg.Record]


@dataclass(frozen=True)
class Run:
    """A piece of a partition's log in which one producer's sequences ascend by one."""

    partition: str
    producer: int
    scope: int  # order is promised within one scope only
    first: int
    last: int


async def audit(
    connection: Connection, ledger: Ledger, *, order_scope: int = WHOLE_PRODUCER, timeout_s: float = 60.0
) -> Accounting:
    """Read the ledger's queue from the table in one query and compare.

    `order_scope` is the number of consecutive sequences that must be in order: the batch in an open
    loop. Raises asyncpg.PostgresError and TimeoutError (after `timeout_s`).
    """
    rows = await connection.fetch(STORED_SQL, ledger.queue, ledger.run_tag, order_scope, timeout=timeout_s)
    return compare(ledger, (_run(row) for row in rows))


def compare(ledger: Ledger, stored: Iterable[Run]) -> Accounting:
    """The account of one load: `stored` are the table's runs, by partition, producer, scope and position."""
    runs = list(stored)
    in_table = {
        lane: IntervalSet((run.first, run.last) for run in group)
        for lane, group in _by_lane(runs)
        if lane[1] >= 0
    }
    acknowledged = unknown = unknown_stored = lost = explained = 0
    for producer in ledger.producers:
        there = in_table.get((producer.partition, producer.producer), IntervalSet())
        acked, unsure = IntervalSet(producer.acknowledged), IntervalSet(producer.unknown)
        acknowledged += len(acked)
        unknown += len(unsure)
        unknown_stored += len(unsure & there)
        lost += len(acked - there)
        explained += len(there & (acked | unsure))
    rows = sum(run.last - run.first + 1 for run in runs)
    distinct = sum(map(len, in_table.values()))
    foreign = sum(1 for run in runs if run.producer == FOREIGN)
    return Accounting(
        acknowledged=acknowledged,
        stored=rows,
        unknown=unknown,
        unknown_stored=unknown_stored,
        lost=lost,
        duplicated=rows - foreign - distinct,
        unexplained=distinct - explained + foreign,
        out_of_order=sum(_inverted(list(group)) for _, group in _by_scope(runs)),
    )


def _inverted(runs: list[Run]) -> int:
    """Messages of one scope that stand before a lower sequence. One pass from the end of the log."""
    inverted, lowest_behind = 0, WHOLE_PRODUCER
    for run in reversed(runs):
        inverted += max(0, run.last - max(run.first, lowest_behind + 1) + 1)
        lowest_behind = min(lowest_behind, run.first)
    return inverted


def _by_lane(runs: Iterable[Run]) -> Iterator[tuple[tuple[str, int], Iterator[Run]]]:
    yield from groupby(runs, key=lambda run: (run.partition, run.producer))


def _by_scope(runs: Iterable[Run]) -> Iterator[tuple[tuple[str, int, int], Iterator[Run]]]:
    yield from groupby(runs, key=lambda run: (run.partition, run.producer, run.scope))


def _run(row: Any) -> Run:
    return Run(row["partition"], row["producer"], row["scope"], row["first"], row["last"])
