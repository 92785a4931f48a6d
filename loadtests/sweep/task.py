"""A trial as a task: what is to run, and what server and generator are told for it. Pure."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from loadtests.load.plan import LoadPlan, Refusing
from loadtests.results import Cell
from loadtests.sweep import naming
from loadtests.sweep.experiment import SERVER_DEFAULTS
from queen.errors import PoolTimeout
from queen.local.database import Database
from queen.settings import Settings, load

QUEUE = "bench"
MAX_CLIENTS = "MAX_CLIENTS"
BESIDE_CLIENTS = 16  # further connections of a server: the sampler's, and of whoever asks whether it is there
DRAIN_BEYOND_TIMEOUT_S = 1.0  # after DB_CONNECTION_TIMEOUT every request has its answer


class TrialTask(Struct, frozen=True, kw_only=True):
    """What to run."""

    trial_id: str
    part: str
    block: int
    attempt: int
    order: int
    cell: Cell
    warmup_s: float
    measure_s: float
    exact_times: bool = False  # as `Part.exact_times`
    seed: int
    followed: bool = True  # by another trial: have its load process ready


def max_clients(cell: Cell, further: Mapping[str, str]) -> int:
    """Connections that a worker takes: what the experiment says; else so many that no client is turned away.

    The kernel deals them out by chance, so that one worker may get most of them.
    """
    if MAX_CLIENTS in further:
        return load(further).max_clients
    return max(SERVER_DEFAULTS.max_clients, cell.clients + BESIDE_CLIENTS)


def server_settings(cell: Cell, database: Database, further: dict[str, str]) -> Settings:
    """The server's whole configuration. Raises `SettingsError`."""
    return load(
        {
            **further,
            MAX_CLIENTS: str(max_clients(cell, further)),
            **database.environ(),
            "PORT": "0",
            "LOG_LEVEL": "warn",
            "NUM_WORKERS": str(cell.num_workers),
            "PUSH_STRATEGY": cell.strategy or "",
            "DB_POOL_SIZE": str(cell.pool or ""),
            "DB_CONNECTION_TIMEOUT": str(cell.connection_timeout_ms or ""),
        }
    )


def load_plan(task: TrialTask, url: str, directory: Path) -> LoadPlan:
    """What the generator is told."""
    cell = task.cell
    return LoadPlan(
        host=url,
        trial_directory=str(directory),
        run_tag=naming.run_tag(task.order, task.attempt),
        queue=QUEUE,
        loop=cell.loop,
        shape=cell.shape,
        client=cell.client,
        users=cell.clients,
        rate_msg_s=cell.rate_msg_s,
        batch=cell.batch,
        interval_ms=cell.interval_ms,
        phase=cell.arrivals,
        payload_bytes=cell.payload_bytes,
        partitions=cell.partitions,
        warmup_s=task.warmup_s,
        measure_s=task.measure_s,
        refusing=None if task.exact_times else _refusing(cell),
        drain_s=(cell.connection_timeout_ms or 0) / 1000 + DRAIN_BEYOND_TIMEOUT_S,
        seed=task.seed,
    )


def _refusing(cell: Cell) -> Refusing | None:
    """How this cell's server refuses whoever waits for a connection; None where the line is not of callers.

    In an open loop it is of what was due, and grows for as long as more is offered than stored: how long its
    warm-up must be is a rule of the experiment.
    """
    if cell.loop == "open" or not cell.connection_timeout_ms:
        return None
    return Refusing(after_s=cell.connection_timeout_ms / 1000, pause_s=PoolTimeout.retry_after_s or 0)
