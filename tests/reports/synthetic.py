"""Run directories with known truth, written through `loadtests.results` like real ones.

Throughput follows the Universal Scalability Law per (strategy, round trip), times a block effect, times
noise; hold times follow from it by Little's law, so that every figure a report derives has a known value.
With coalesce one connection is in use, and each loan of it serves many pushes.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from hdrh.histogram import HdrHistogram
from numpy.typing import NDArray

from loadtests import results
from loadtests.results import Cell, Invalidity, RunFiles, Sample, Trial

Micros = NDArray[np.int64]
TIMEOUT_TEXT = "timeout exceeded when trying to connect"


@dataclass(frozen=True)
class Law:
    """Messages/s at a pool size: gamma·N / (1 + sigma·(N - 1) + kappa·N·(N - 1))."""

    gamma: float
    sigma: float
    kappa: float = 0.0

    def at(self, pool: int) -> float:
        return self.gamma * pool / (1 + self.sigma * (pool - 1) + self.kappa * pool * (pool - 1))


FLAT = Law(gamma=1000.0, sigma=1.0)
LAWS: dict[tuple[str, float], Law] = {
    ("sequential", 0.0): Law(8_000, 0.45),
    ("batch", 0.0): Law(16_000, 0.40, 0.0002),
    ("sequential", 2.0): Law(300, 0.005),
    ("batch", 2.0): Law(1_700, 0.03),
}


@dataclass(frozen=True)
class World:
    """The truth of a run, and what goes wrong in it."""

    laws: dict[tuple[str, float], Law] = field(default_factory=lambda: dict(LAWS))
    pools: tuple[int, ...] = (1, 5, 20, 50)
    blocks: int = 4
    noise_sd: float = 0.05
    block_sd: float = 0.10
    clients: int = 128
    batch: int = 10
    timeout_pools: tuple[int, ...] = (1, 2, 5, 20)  # () leaves the open part out
    timeouts_s: dict[int, float] = field(default_factory=lambda: {1: 300.0, 2: 40.0})  # pool → per second
    ceiling_msg_s: float = 200_000.0
    remarks: dict[int, tuple[Invalidity, ...]] = field(default_factory=dict)  # order → remarks
    lost_in: int | None = None  # order of a trial that lost a message
    synchronous_commit: str = "on"
    interrupted: bool = False
    missing: frozenset[int] = frozenset()  # orders that never ran
    silent: frozenset[tuple[str, float, int, int]] = frozenset()  # strategy, round trip, pool, block
    postgres_source: str | None = "embedded"
    direct_rtt_ms: float = 0.08  # measured, without the added round trip
    pushes_per_loan: float = 1.0  # of sequential and batch; below 1: the pool lends to others, too
    pushes_shared: float = 30.0  # by a loan, with coalesce
    unsteady: float = 1.0  # hold times over what the busy connections say
    pool_known: bool = True  # the server has /metrics/pool
    boarding_told: bool = True  # and counts who waits to share a call
    server_cores: float = 0.8  # CPU seconds a second
    sampler_cores: float = 0.0
    lock_share: float = 0.0  # of the active backends' time, waiting for locks
    sample_files: bool = True
    measured_s: float = 1.5
    seed: int = 7
    run_id: str = "synthetic"


class Place(NamedTuple):
    """Where a trial stands in its run."""

    part: str
    block: int
    order: int


def write_run(root: Path, world: World | None = None) -> Path:
    """Write one run below `root` and return its directory."""
    world = world or World()
    files = RunFiles(root / world.run_id)
    rng = np.random.default_rng(world.seed)
    results.write(files.manifest, _manifest(world))
    order = 0
    drift = rng.normal(0, world.block_sd, world.blocks)
    for block in range(world.blocks):
        cells = _capacity_cells(world)
        for index in rng.permutation(len(cells)):
            cell = cells[index]
            law = world.laws[(cell.strategy or "", cell.db_rtt_ms)]
            level = law.at(cell.pool or 1) * math.exp(drift[block] + rng.normal(0, world.noise_sd))
            if (cell.strategy, cell.db_rtt_ms, cell.pool, block) in world.silent:
                level = 0.0
            place = Place("capacity", block, order)
            _write_trial(files, world, rng, place, cell, level, 0.0)
            order += 1
    for block in range(2 if world.timeout_pools else 0):
        for pool in world.timeout_pools:
            cell = _cell(world, "sequential", 0.0, pool, rate=6_000.0)
            timeouts_s = world.timeouts_s.get(pool, 0.0)
            level = 6_000.0 - world.batch * timeouts_s
            place = Place("timeouts", block, order)
            _write_trial(files, world, rng, place, cell, level, timeouts_s)
            order += 1
    return files.root


def _capacity_cells(world: World) -> list[Cell]:
    return [_cell(world, strategy, rtt, pool) for strategy, rtt in world.laws for pool in world.pools]


def _cell(world: World, strategy: str, rtt_ms: float, pool: int, rate: float | None = None) -> Cell:
    return Cell(
        strategy=strategy,
        pool=pool,
        connection_timeout_ms=2_000 if rate is None else 250,
        db_rtt_ms=rtt_ms,
        loop="closed" if rate is None else "open",
        shape="custom" if rate is None else "reasonable",
        rate_msg_s=rate,
        clients=world.clients,
        batch=world.batch,
        partitions=world.clients,
        synchronous_commit=world.synchronous_commit,
    )


def _warmup_s(cell: Cell, pushes_s: float) -> float:
    """As a sweep warms up: until whoever waited from the beginning is served or refused."""
    timeout_s = (cell.connection_timeout_ms or 0) / 1000
    starved = cell.loop == "closed" and cell.clients > timeout_s * pushes_s
    return 0.7 + timeout_s if starved else 0.7


def _write_trial(
    files: RunFiles,
    world: World,
    rng: np.random.Generator,
    place: Place,
    cell: Cell,
    level: float,
    timeouts_s: float,
) -> None:
    part, block, order = place
    if order in world.missing:
        return
    trial_id = f"{order:03d}-{part}-{cell.strategy}-rtt{cell.db_rtt_ms:g}-pool{cell.pool}-b{block}"
    paths = files.trial(trial_id)
    pool = cell.pool or 1
    pushes_s = level / world.batch
    shares = cell.strategy == "coalesce"
    in_use = 1.0 if shares else min(float(pool), world.clients)
    busy = in_use * (0.97 if cell.loop == "closed" else min(0.95, 4 / pool))
    loans_s = pushes_s / (world.pushes_shared if shares else world.pushes_per_loan)
    hold_ms = 1000 * busy / loans_s * world.unsteady if loans_s else 0.0
    waiting = max(0.0, world.clients - pool) if cell.loop == "closed" else timeouts_s / 4
    boarding = 0.0
    if shares:
        waiting, boarding = 0.0, world.clients - world.pushes_shared
    service_ms = rng.lognormal(math.log(1000 * world.clients / (pushes_s or 1)), 0.4, 400)
    latencies_us = np.maximum(1, service_ms * 1000).astype(int)
    messages = round(level * world.measured_s)
    refused = round(timeouts_s * world.measured_s)
    trial = Trial(
        trial_id=trial_id,
        part=part,
        block=block,
        order=order,
        cell=cell,
        started_at="2026-01-05T10:00:00+00:00",
        load=results.LoadResult(
            started_at="2026-01-05T10:00:01+00:00",
            started_monotonic_s=100.0,
            warmup_s=_warmup_s(cell, pushes_s),
            measured_s=world.measured_s,
            users=world.clients,
            requests_sent=round(pushes_s * world.measured_s) + refused,
            requests_ok=round(pushes_s * world.measured_s),
            requests_not_done=refused,
            requests_unknown=0,
            messages_acknowledged=messages,
            total_messages_acknowledged=messages + 100,
            service=_latency(latencies_us),
            response=_latency(latencies_us),
            errors=(_timeouts(refused),) if refused else (),
            generator_cpu_s=0.5,
        ),
        accounting=results.Accounting(
            acknowledged=messages + 100,
            stored=messages + 100 - (order == world.lost_in),
            unknown=0,
            unknown_stored=0,
            lost=int(order == world.lost_in),
            duplicated=0,
            unexplained=0,
            out_of_order=0,
        ),
        pool=results.PoolUse(
            acquires=round(loans_s * world.measured_s),
            timeouts=refused,
            connects=pool,
            lost=0,
            hold_mean_ms=hold_ms,
            wait_mean_ms=1000 * waiting / loans_s if loans_s else 0.0,
            busy_mean=busy,
            waiting_mean=waiting,
            boarding_mean=boarding if world.boarding_told else None,
            boarding_wait_mean_ms=1000 * boarding / pushes_s if world.boarding_told and pushes_s else None,
        )
        if world.pool_known
        else None,
        machine=results.MachineUse(
            server_cpu_s=world.server_cores * world.measured_s,
            postgres_cpu_s=0.6 * world.measured_s,
            generator_cpu_s=0.3 * world.measured_s,
            relay_cpu_s=0.02 * world.measured_s,
            sampler_cpu_s=world.sampler_cores * world.measured_s,
            other_cpu_s=0.02 * world.measured_s,
            cpu_count=2,
            db_rtt_measured_ms=world.direct_rtt_ms + cell.db_rtt_ms * 1.15,
        ),
        remarks=world.remarks.get(order, ()),
    )
    results.write(paths.trial, trial)
    if world.sample_files:
        _write_log(paths.latency, latencies_us)
        results.write_samples(paths.samples, _samples(world, trial, pool, busy, waiting, rng))


def _timeouts(requests: int) -> results.ErrorCount:
    return results.ErrorCount(status=503, code="pool_timeout", text=TIMEOUT_TEXT, requests=requests)


def _latency(values_us: Micros) -> results.Latency:
    p50, p90, p95, p99, p999 = (float(np.percentile(values_us, at)) / 1000 for at in (50, 90, 95, 99, 99.9))
    return results.Latency(
        count=len(values_us),
        p50_ms=p50,
        p90_ms=p90,
        p95_ms=p95,
        p99_ms=p99,
        p999_ms=p999,
        max_ms=float(values_us.max()) / 1000,
    )


def _write_log(path: Path, values_us: Micros) -> None:
    recorded = HdrHistogram(1, 3_600_000_000, 3)
    for value in values_us:
        recorded.record_value(int(value))
    payload = recorded.encode().decode()
    lines = ["#[Histogram log format version 1.2]"]
    lines += [
        f"Tag={tag},0.000,1.500,{values_us.max() / 1000:.3f},{payload}" for tag in ("service", "response")
    ]
    path.write_text("\n".join(lines) + "\n")


def _samples(
    world: World, trial: Trial, pool: int, busy: float, waiting: float, rng: np.random.Generator
) -> list[Sample]:
    rows = []
    for step in range(-7, round(world.measured_s * 10)):
        used = int(np.clip(rng.normal(busy, 0.5), 0, pool))
        active = used if trial.cell.db_rtt_ms == 0 else min(used, 3)  # the others wait for the network
        locked = round(active * world.lock_share)
        flushing = min(active - locked, 2)
        rows.append(
            Sample(
                t_s=step / 10,
                pool_total=pool,
                pool_idle=pool - used,
                pool_waiting=max(0, round(rng.normal(waiting, 2))) if waiting else 0,
                pool_timeouts=0,
                pool_acquires=max(0, step) * 10,
                db_active=active,
                db_idle=pool - used,
                db_idle_in_transaction=used - active,
                db_wait_lock=locked,
                db_wait_lwlock=flushing // 2,
                db_wait_io=flushing - flushing // 2,
                db_wait_client=0,
                db_wait_other=0,
                db_running=active - locked - flushing,
            )
        )
    return rows


def _manifest(world: World) -> results.Manifest:
    return results.Manifest(
        run_id=world.run_id,
        kind="sweep",
        title="Which pool size?",
        started_at="2026-01-05T10:00:00+00:00",
        command=("queen", "sweep", "--pool", ",".join(map(str, world.pools))),
        machine=results.Machine(
            system="Linux 6.1",
            cpu_model="Example CPU",
            cpu_count=2,
            memory_bytes=16 * 2**30,
            python="3.11.9",
            filesystem="ext4",
            load_average_1m=0.2,
        ),
        versions=results.ServerVersions(
            server="queen 0.1.0", postgres="18.6", postgres_source=world.postgres_source
        ),
        packages={"locust": "2.47.0", "asyncpg": "0.32.0"},
        settings={
            "NUM_WORKERS": "1",
            "PG_PASSWORD": "***",
            "DB_POOL_SIZE": "20",
            "PUSH_STRATEGY": "coalesce",
        },
        postgres_settings={"fsync": "on", "max_connections": "200"},
        git_commit="0123abc",
        seed=world.seed,
        blocks_asked=world.blocks,
        blocks_done=None if world.interrupted else world.blocks,
        generator_ceiling_msg_s={f"raw/batch={world.batch}": world.ceiling_msg_s},
        finished_at=None if world.interrupted else "2026-01-05T10:04:30+00:00",
        interrupted=world.interrupted,
    )
