"""What one worker process tells of itself, and how the workers' readings make the instance's.

A new figure is two lines in this file: its field in `Reading` and where `Instruments.read` takes it from.
"""

from collections.abc import Sized
from dataclasses import dataclass, field
from typing import Annotated, Protocol

import psutil

from queen.observe.activity import Activity, Meter
from queen.observe.boarding import BoardingGauges, BoardingReading
from queen.observe.loop_lag import LoopLag
from queen.observe.metric import Additive, counter, gauge, largest
from queen.observe.pool import PoolGauges, PoolReading


class Rated(Additive, frozen=True):
    """A count since the start, and its rate a second over the last ten."""

    total: int
    rate: float


class Reading(Additive, frozen=True):
    """One look at one worker; the sum of all is the instance's."""

    uptime_s: Annotated[float, largest("queen_uptime_seconds", "Time since the worker started")]
    push_requests: Annotated[Rated, counter("queen_push_requests_total", "Push requests answered")]
    pushed: Annotated[Rated, counter("queen_pushed_messages_total", "Messages stored, no duplicates")]
    popped: Annotated[Rated, counter("queen_popped_messages_total", "Messages handed out")]
    acked: Annotated[Rated, counter("queen_acked_messages_total", "Acknowledgements that were applied")]
    parked_polls: Annotated[int, gauge("queen_parked_polls", "Pops that wait for a message")]
    listening: Annotated[int, gauge("queen_wakeups_listening", "1 if wake-ups of other processes arrive")]
    connections_open: Annotated[int, gauge("queen_http_connections", "Connections open")]
    connections_moved: Annotated[
        int, counter("queen_http_connections_moved_total", "Connections that went on to another worker")
    ]
    connections_refused: Annotated[
        int, counter("queen_http_connections_refused_total", "Connections over MAX_CLIENTS, answered 503")
    ]
    answers_abandoned: Annotated[
        int, counter("queen_http_answers_abandoned_total", "Answers whose client had gone or half-closed")
    ]
    pushes_refused: Annotated[
        int, counter("queen_pushes_refused_total", "Pushes over a queue's maxSize, answered 429")
    ]
    retention_deleted: Annotated[
        int, counter("queen_retention_deleted_messages_total", "Messages deleted by retention")
    ]
    eviction_deleted: Annotated[
        int, counter("queen_eviction_deleted_messages_total", "Messages deleted by maxWaitTimeSeconds")
    ]
    jobs_failed: Annotated[int, counter("queen_jobs_failed_total", "Runs of background jobs that failed")]
    loop_lag_s: Annotated[
        float, largest("queen_event_loop_lag_seconds", "Largest event-loop lag of the last ten seconds")
    ]
    rss_bytes: Annotated[int, gauge("queen_process_resident_memory_bytes", "Resident memory")]
    cpu_user_s: Annotated[float, counter("queen_process_cpu_user_seconds_total", "CPU time in user mode")]
    cpu_system_s: Annotated[
        float, counter("queen_process_cpu_system_seconds_total", "CPU time of the kernel")
    ]
    pool: PoolReading
    boarding: BoardingReading


class ConnectionCounts(Protocol):
    """The worker's HTTP connections, as far as they are counted."""

    moved: int
    refused: int
    abandoned: int

    @property
    def open(self) -> Sized:
        """Those that are open."""
        ...


class ParkedPolls(Protocol):
    """Whoever holds the polls that wait."""

    @property
    def parked(self) -> int:
        """How many there are."""
        ...


class Listener(Protocol):
    """Whoever hears the wake-ups of other processes."""

    @property
    def listening(self) -> bool:
        """Whether it does at the moment."""
        ...


class Refuser(Protocol):
    """Whoever refuses pushes to full queues."""

    refused: int


class Deleter(Protocol):
    """A job that deletes messages."""

    deleted: int


class Jobs(Protocol):
    """Whoever runs the background jobs."""

    failures: int


@dataclass(frozen=True)
class Instruments:
    """Everything in a worker that has a figure to read. Reading touches no database and never waits."""

    pool: PoolGauges
    boarding: BoardingGauges
    activity: Activity
    polls: ParkedPolls
    listener: Listener
    connections: ConnectionCounts
    lag: LoopLag
    backlog: Refuser
    retention: Deleter
    eviction: Deleter
    jobs: Jobs
    process: psutil.Process = field(default_factory=psutil.Process)

    def read(self) -> Reading:
        """All figures, at one instant."""
        cpu = self.process.cpu_times()
        return Reading(
            uptime_s=self.activity.uptime_s,
            push_requests=_rated(self.activity.push_requests),
            pushed=_rated(self.activity.pushed),
            popped=_rated(self.activity.popped),
            acked=_rated(self.activity.acked),
            parked_polls=self.polls.parked,
            listening=int(self.listener.listening),
            connections_open=len(self.connections.open),
            connections_moved=self.connections.moved,
            connections_refused=self.connections.refused,
            answers_abandoned=self.connections.abandoned,
            pushes_refused=self.backlog.refused,
            retention_deleted=self.retention.deleted,
            eviction_deleted=self.eviction.deleted,
            jobs_failed=self.jobs.failures,
            loop_lag_s=self.lag.worst_ms / 1000,
            rss_bytes=self.process.memory_info().rss,
            cpu_user_s=cpu.user,
            cpu_system_s=cpu.system,
            pool=self.pool.read(),
            boarding=self.boarding.read(),
        )


def _rated(meter: Meter) -> Rated:
    return Rated(meter.total, meter.rate)
