"""From looks to what is stored: the rows of samples.csv, and the trial's use of pool and machine."""

from collections.abc import Callable, Iterable, Sequence

import psutil
from msgspec.structs import replace

from loadtests.results import LoadResult, MachineUse, PoolUse, Sample, Trial
from loadtests.sweep import pool_gauges
from loadtests.sweep.proc_tree import Usage
from loadtests.sweep.sampling import Look
from loadtests.sweep.series import Window, increase, seen_of


def window_of(load: LoadResult) -> Window:
    """The measured window on the monotonic clock."""
    return Window(load.started_monotonic_s, load.started_monotonic_s + load.measured_s)


def windows_of(trial: Trial) -> tuple[Window, ...]:
    """The windows that the figures of a trial are of: its only one, or those of the stages that count.

    What lies between two stages is settling, and of neither.
    """
    stages = (stage.load for stage in trial.counted_stages)
    return tuple(map(window_of, stages)) or (window_of(trial.load),)


def samples(looks: Iterable[Look], window: Window) -> list[Sample]:
    """One row a look; t = 0 is the start of the window, the warm-up lies before it."""
    return [_sample(look, look.at_s - window.start_s) for look in looks]


def pool_use(looks: Iterable[Look], *windows: Window) -> PoolUse | None:
    """The pool over the windows; None when it could not be asked for nearly all of each."""
    seen = [(look.pool_at_s, look.pool) for look in looks if look.pool is not None]
    return pool_gauges.pool_use([at_s for at_s, _ in seen], [pool for _, pool in seen], windows)


def machine_use(looks: Sequence[Look], *windows: Window, db_rtt_measured_ms: float | None) -> MachineUse:
    """CPU of the windows by who used it; what nobody of ours used is `other`."""
    server = _grown(looks, windows, lambda look: _cpu_s(look.server))
    postgres = _grown(looks, windows, lambda look: _cpu_s(look.postgres))
    generator = _grown(looks, windows, lambda look: _cpu_s(look.generator))
    relay = _grown(looks, windows, lambda look: _cpu_s(look.relay))
    own = _grown(looks, windows, lambda look: look.own_cpu_s)
    busy = _grown(looks, windows, lambda look: look.machine_busy_s)
    wal = _grown(looks, windows, _wal_bytes)
    other = None
    if busy is not None and postgres is not None:  # a database elsewhere cannot be told from others
        other = max(0.0, busy - sum(each or 0.0 for each in (server, postgres, generator, relay, own)))
    return MachineUse(
        server_cpu_s=server,
        postgres_cpu_s=postgres,
        generator_cpu_s=generator,
        relay_cpu_s=relay,
        sampler_cpu_s=own,
        other_cpu_s=other,
        cpu_count=psutil.cpu_count() or 1,
        server_rss_bytes=max((look.server.rss_bytes for look in looks if look.server), default=None),
        postgres_rss_bytes=max((look.postgres.rss_bytes for look in looks if look.postgres), default=None),
        wal_bytes=None if wal is None else round(wal),
        db_rtt_measured_ms=db_rtt_measured_ms,
    )


def _grown(
    looks: Iterable[Look], windows: Iterable[Window], value: Callable[[Look], float | None]
) -> float | None:
    found = [(look.at_s, each) for look in looks if (each := value(look)) is not None]
    times_s = [at_s for at_s, _ in found]
    seen = seen_of(times_s, windows)
    if seen is None:
        return None
    return round(increase(times_s, [each for _, each in found], *seen), 4)


def _cpu_s(usage: Usage | None) -> float | None:
    return None if usage is None else round(usage.cpu_s, 3)


def _wal_bytes(look: Look) -> int | None:
    return None if look.activity is None else look.activity.wal_bytes


def _sample(look: Look, t_s: float) -> Sample:
    sample = Sample(
        t_s=round(t_s, 3),
        server_cpu_s=_cpu_s(look.server),
        postgres_cpu_s=_cpu_s(look.postgres),
        generator_cpu_s=_cpu_s(look.generator),
        server_rss_bytes=look.server.rss_bytes if look.server else None,
    )
    if (pool := look.pool) is not None:
        sample = replace(
            sample,
            pool_total=pool.total_count,
            pool_idle=pool.idle_count,
            pool_waiting=pool.waiting_count,
            pool_timeouts=pool.timeouts,
            pool_acquires=pool.acquires,
            server_loop_lag_ms=pool.loop_lag_ms,
        )
        if (boarding := pool.boarding) is not None:
            sample = replace(
                sample, boarding_waiting=boarding.waiting_count, boarding_timeouts=boarding.timeouts
            )
    if (activity := look.activity) is not None:
        sample = replace(
            sample,
            db_active=activity.active,
            db_idle=activity.idle,
            db_idle_in_transaction=activity.idle_in_transaction,
            db_wait_lock=activity.wait_lock,
            db_wait_lwlock=activity.wait_lwlock,
            db_wait_io=activity.wait_io,
            db_wait_client=activity.wait_client,
            db_wait_other=activity.wait_other,
            db_running=activity.running,
            rows_inserted=activity.rows_inserted,
            wal_bytes=activity.wal_bytes,
        )
    return sample
