"""An experiment: the matrix of a sweep as data.

A *factor* is a field of `results.Cell`. It may stand in `fixed` (all parts), in a part, or in one of
the part's cell tables; the nearest one counts. A list of levels is crossed with the lists of the other
factors of the same table; several tables are several products. A *part* is measured as a whole before
the next one begins: what the capacity part found may be the offered rate of the part after it.

Reading and writing the file is `experiment_file.py`, the rules an experiment must keep are
`experiment_rules.py`, which trial runs when is `schedule.py`.
"""

import itertools
import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from loadtests.load.bounds import MOST_NUMBER, MOST_POOL, MOST_USERS
from loadtests.load.plan import SHAPES
from loadtests.results import Cell, Client, Loop
from loadtests.sweep import rate
from loadtests.sweep.rate import CapacityShare
from queen.local.relay import MAX_RTT_MS
from queen.settings import PushStrategy, Settings

MOST_BLOCKS = 1_000
MOST_SEED = 10**18  # that of the last block still has 64 bits
MOST_TITLE = 80  # characters

Count = Annotated[int, Meta(ge=1, le=int(MOST_NUMBER))]
Seed = Annotated[int, Meta(ge=0, le=MOST_SEED)]
Pool = Annotated[int, Meta(ge=1, le=MOST_POOL)]
Clients = Annotated[int, Meta(ge=1, le=MOST_USERS)]
Bytes = Annotated[int, Meta(ge=2, le=int(MOST_NUMBER))]
RoundTrip = Annotated[float, Meta(ge=0, le=MAX_RTT_MS)]
Seconds = Annotated[float, Meta(ge=0, le=MOST_NUMBER)]
Positive = Annotated[float, Meta(gt=0, le=MOST_NUMBER)]
Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,30}$")]

ONE_PER_CLIENT = "one per client"
SERVER_DEFAULTS = Settings()
MANY_PARTITIONS = 64  # below this the partitions' locks flatten the curve


class Factors(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Levels of factors: one value, or a tuple of values to cross. UNSET: not said here."""

    strategy: PushStrategy | tuple[PushStrategy, ...] | UnsetType = UNSET
    pool: Pool | tuple[Pool, ...] | UnsetType = UNSET  # DB_POOL_SIZE
    connection_timeout_ms: Count | tuple[Count, ...] | UnsetType = UNSET  # DB_CONNECTION_TIMEOUT
    db_rtt_ms: RoundTrip | tuple[RoundTrip, ...] | UnsetType = UNSET  # added round trip to the database
    num_workers: Count | UnsetType = UNSET
    loop: Loop | UnsetType = UNSET
    shape: Literal["custom", "reasonable", "medium", "high"] | UnsetType = UNSET
    clients: Clients | tuple[Clients, ...] | UnsetType = UNSET
    rate_msg_s: Positive | str | tuple[Positive | str, ...] | UnsetType = UNSET  # open loop, see rate.py
    batch: Count | tuple[Count, ...] | UnsetType = UNSET
    payload_bytes: Bytes | tuple[Bytes, ...] | UnsetType = UNSET
    partitions: Count | Literal["one per client"] | tuple[Count, ...] | UnsetType = UNSET
    client: Client | UnsetType = UNSET
    synchronous_commit: Literal["on", "off"] | tuple[Literal["on", "off"], ...] | UnsetType = UNSET


class Part(Factors, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Cells that are measured together, in complete shuffled blocks."""

    name: Name
    warmup_s: Seconds
    measure_s: Positive
    blocks: Annotated[int, Meta(ge=1, le=MOST_BLOCKS)]
    exact_times: bool = False  # of warm-up and window; else longer where a closed loop's callers wait
    phase: Literal["random", "aligned"] = "random"  # of the producers' schedules, open loop
    cells: Annotated[tuple[Factors, ...], Meta(min_length=1)] = (Factors(),)


class Experiment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One sweep, whole. `settings` are further variables of the server, by their names."""

    title: Annotated[str, Meta(min_length=1, max_length=MOST_TITLE)]
    seed: Seed = 7
    budget_s: Positive | None = None  # for all trials; None: as long as it takes
    fixed: Factors = Factors()
    settings: dict[str, str | int | bool] = {}
    part: Annotated[tuple[Part, ...], Meta(min_length=1)]

    def server_settings(self) -> dict[str, str]:
        """`settings` as environment variables."""
        return {name: str(value).lower() for name, value in self.settings.items()}


class PlannedCell(Struct, frozen=True, kw_only=True):
    """One configuration of a part.

    `cell` is complete when `rate` is None. Else `at_rate` completes it: `cell.rate_msg_s` is None and
    `cell.clients`, `partitions` and `interval_ms` may still follow from the rate.
    """

    part: Part
    index: int  # within the part
    cell: Cell
    rate: CapacityShare | None = None
    timeout_stated: bool = False  # the experiment says connection_timeout_ms itself
    clients_stated: bool = False
    partitions_stated: bool = False

    def at_rate(self, rate_msg_s: float) -> Cell:
        """The cell with an offered rate in messages per second, shared by its producers.

        A shape fixes what one producer sends, so the rate decides how many there are.
        """
        cell = self.cell
        clients = cell.clients
        if cell.shape in SHAPES and not self.clients_stated:
            batch, interval_ms = SHAPES[cell.shape]
            clients = max(1, math.ceil(rate_msg_s * interval_ms / 1000 / batch))
        return msgspec.structs.replace(
            cell,
            rate_msg_s=rate_msg_s,
            clients=clients,
            partitions=cell.partitions if self.partitions_stated else clients,
            interval_ms=round(1000 * cell.batch * clients / rate_msg_s, 3),
        )

    def is_cell(self, cell: Cell) -> bool:
        """Whether a finished trial's cell is this one, whatever its rate turned out to be."""
        if self.rate is None:
            return cell == self.cell
        return cell.rate_msg_s is not None and cell == self.at_rate(cell.rate_msg_s)


def levels_of(experiment: Experiment, part: Part) -> tuple[dict[str, tuple[Any, ...]], ...]:
    """Factor → the levels that are crossed, of each of the part's cell tables."""
    return tuple(_nearest(experiment.fixed, part, table) for table in part.cells)


def planned_cells(experiment: Experiment, part: Part) -> tuple[PlannedCell, ...]:
    """The part's cells in the order of the file. Raises `rate.RateError` for a bad rate."""
    points = [point for levels in levels_of(experiment, part) for point in _product(levels)]
    return tuple(_planned(part, index, point) for index, point in enumerate(points))


def _nearest(*layers: Factors) -> dict[str, Any]:
    """Factor → levels, of the last layer that says it."""
    levels: dict[str, Any] = {}
    for layer in layers:
        for name in Factors.__struct_fields__:
            value = getattr(layer, name)
            if value is not UNSET:
                levels[name] = value if isinstance(value, tuple) else (value,)
    return levels


def _product(levels: dict[str, tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*levels.values()):
        yield dict(zip(levels, values, strict=True))


def _planned(part: Part, index: int, point: dict[str, Any]) -> PlannedCell:
    offered = point.pop("rate_msg_s", None)
    partitions = point.pop("partitions", ONE_PER_CLIENT)
    clients_stated, partitions_stated = "clients" in point, partitions != ONE_PER_CLIENT
    timeout_stated = "connection_timeout_ms" in point
    if (shape := SHAPES.get(point.get("shape", "custom"))) is not None:
        point["batch"] = shape[0]
    cell = Cell(
        strategy=point.pop("strategy", SERVER_DEFAULTS.push_strategy).value,
        pool=point.pop("pool", SERVER_DEFAULTS.db_pool_size),
        connection_timeout_ms=point.pop("connection_timeout_ms", SERVER_DEFAULTS.db_connection_timeout),
        arrivals=part.phase,
        **point,
    )
    planned = PlannedCell(
        part=part,
        index=index,
        cell=msgspec.structs.replace(cell, partitions=partitions if partitions_stated else cell.clients),
        rate=rate.parse(offered) if isinstance(offered, str) else None,
        timeout_stated=timeout_stated,
        clients_stated=clients_stated,
        partitions_stated=partitions_stated,
    )
    if offered is None or planned.rate is not None:
        return planned
    return msgspec.structs.replace(planned, cell=planned.at_rate(float(offered)))
