"""Cautions: what a reader should know before believing or using a figure, and what to do about it.

Every caution is a case of one enum with its advice, so that none can be shown without saying what to do.
"""

import enum
from collections.abc import Iterable

from msgspec import Struct

from reports.stats.knee import PRACTICAL_MARGIN


class Caution(enum.Enum):
    """Why a result is weaker than it looks. The value is the stable word for `--json`."""

    ACCOUNTING_BROKEN = "accounting_broken"
    NOT_ACCOUNTED = "not_accounted"
    INVALID_TRIALS = "invalid_trials"
    NO_THROUGHPUT = "no_throughput"
    INTERRUPTED = "interrupted"
    NOT_DURABLE = "not_durable"
    GENERATOR_LIMITED = "generator_limited"
    NOISY_MACHINE = "noisy_machine"
    REMARKED = "remarked"
    TOO_FEW_BLOCKS = "too_few_blocks"
    NOT_SETTLED = "not_settled"
    KNEE_AT_EDGE = "knee_at_edge"
    LOCAL_ONLY = "local_only"
    POOL_UNKNOWN = "pool_unknown"
    LITTLES_LAW_OFF = "littles_law_off"
    OTHER_LOANS = "other_loans"
    NOT_INTERLEAVED = "not_interleaved"

    @property
    def what_to_do(self) -> str:
        """The advice that goes with the caution."""
        return _WHAT_TO_DO[self]


class Notice(Struct, frozen=True):
    """One caution of one report, with the figure that raised it."""

    caution: Caution
    detail: str


def by_caution(notices: Iterable[Notice]) -> dict[Caution, tuple[str, ...]]:
    """The details of one caution together, in the order of the notices."""
    grouped: dict[Caution, tuple[str, ...]] = {}
    for notice in notices:
        grouped[notice.caution] = (*grouped.get(notice.caution, ()), notice.detail)
    return grouped


_WHAT_TO_DO: dict[Caution, str] = {
    Caution.ACCOUNTING_BROKEN: (
        "Do not use these figures: a server that loses or repeats messages is not fast. Keep the trial's "
        "directory (ledger.json, server.log) and report it."
    ),
    Caution.NOT_ACCOUNTED: (
        "Nobody knows whether this server keeps its messages: nothing wrong was found, but not all of it "
        "was read. Give the reading at the end more time (--drain-for), or the server some rest, and repeat."
    ),
    Caution.INVALID_TRIALS: (
        "They were left out, so their cells rest on fewer trials. Close what else runs and repeat the "
        "sweep; if the same cell fails each time, lower its offered load."
    ),
    Caution.NO_THROUGHPUT: (
        "Some trials of these configurations acknowledged no message at all, so no mean, ratio or pool is "
        "given for them. Do not use them; the trial's server.log and the error counts say what went wrong."
    ),
    Caution.INTERRUPTED: (
        "The figures cover the trials that finished. Run the same command again: finished trials are kept."
    ),
    Caution.NOT_DURABLE: (
        "With synchronous_commit off a crash of PostgreSQL loses acknowledged messages; with fsync or "
        "full_page_writes off a crash of the machine may ruin the database as well. Compare these figures "
        "among themselves only."
    ),
    Caution.GENERATOR_LIMITED: (
        "The generator was near its own limit, so fast cells look equal. Use the raw client, a larger batch, "
        "or a second machine for the load."
    ),
    Caution.NOISY_MACHINE: (
        "Close browsers, builds and other containers, use mains power and a fixed CPU frequency, then "
        "repeat; more blocks also narrow the intervals."
    ),
    Caution.REMARKED: (
        "These trials count, but each carries a remark in its trial.json: read it before you rely on their "
        "cells."
    ),
    Caution.TOO_FEW_BLOCKS: (
        "Give the sweep more blocks (at least 4): longer windows do not help, more interleaved repeats do."
    ),
    Caution.NOT_SETTLED: (
        f"None of these pools was shown to be worse than the best by more than {PRACTICAL_MARGIN:.0%}, and "
        "none to be good enough. More blocks on a quieter machine settle it; until then the largest of them "
        "is the safe choice."
    ),
    Caution.KNEE_AT_EDGE: (
        "The largest pool that was tried is still the best: the best may lie beyond. Repeat with larger "
        "pools (and max_connections to match)."
    ),
    Caution.LOCAL_ONLY: (
        "Locally a few connections suffice; over a network each statement holds its connection for a round "
        "trip more. Repeat with the round trip of your database, or use the calculator below."
    ),
    Caution.POOL_UNKNOWN: (
        "What they cannot say: how many connections were borrowed, for how long, how many requests one "
        "served, and so how many are needed. Throughput, latency and time-outs are the clients' own figures. "
        "Whoever starts the server reads the pool's counts (GET /metrics/pool): a sweep, or `queen load` "
        "without --host. A server that runs already is not asked for them, and another may not have them."
    ),
    Caution.LITTLES_LAW_OFF: (
        "Loans × hold time and busy connections, both counted by the pool, disagree: the window was not "
        "steady. Give it a longer warm-up, and a length of many hold times."
    ),
    Caution.OTHER_LOANS: (
        "With this strategy every push borrows a connection for itself. Other loans serve consumers or "
        "background jobs, or pushes that failed and were retried; they count as needed connections, too."
    ),
    Caution.NOT_INTERLEAVED: (
        "Different runs saw different moments of the machine; the interval does not know of that drift. Put "
        "both settings into one sweep, which interleaves them, before you rely on a small difference."
    ),
}
