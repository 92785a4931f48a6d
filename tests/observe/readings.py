"""Readings for tests: everything 0 but what is given."""

from typing import Any

from msgspec.structs import replace

from queen.observe.boarding import BoardingGauges
from queen.observe.pool import PoolGauges, PoolReading
from queen.observe.reading import Rated, Reading

NO_POOL = PoolGauges(0, clock=lambda: 0.0).read()
NOTHING = Reading(
    uptime_s=0.0,
    push_requests=Rated(0, 0.0),
    pushed=Rated(0, 0.0),
    popped=Rated(0, 0.0),
    acked=Rated(0, 0.0),
    parked_polls=0,
    listening=0,
    connections_open=0,
    connections_moved=0,
    connections_refused=0,
    answers_abandoned=0,
    pushes_refused=0,
    retention_deleted=0,
    eviction_deleted=0,
    jobs_failed=0,
    loop_lag_s=0.0,
    rss_bytes=0,
    cpu_user_s=0.0,
    cpu_system_s=0.0,
    pool=NO_POOL,
    boarding=BoardingGauges().read(),
)


def reading(pushed: int = 0, pool: PoolReading = NO_POOL, **figures: Any) -> Reading:
    """A reading."""
    return replace(NOTHING, pushed=Rated(pushed, 0.0), pool=pool, **figures)


def pool(**figures: Any) -> PoolReading:
    """A pool's reading."""
    return replace(NO_POOL, **figures)
