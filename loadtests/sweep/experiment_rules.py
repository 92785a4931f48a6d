"""What an experiment must keep to be worth measuring, beyond the types of its fields.

A broken rule is an error: its figures would mislead. A warning is said and stored with the results.
"""

import enum
import math
from collections.abc import Iterator

from loadtests.load.bounds import Impossible, expect_possible, shown
from loadtests.results import Cell
from loadtests.sweep import naming, rate
from loadtests.sweep.experiment import (
    MANY_PARTITIONS,
    SERVER_DEFAULTS,
    Experiment,
    Part,
    PlannedCell,
    levels_of,
    planned_cells,
)
from loadtests.sweep.task import BESIDE_CLIENTS, MAX_CLIENTS, max_clients
from queen.errors import SettingsError
from queen.settings import Settings, load

MOST_BITS = 64  # of a number in TOML
CLIENTS_PER_CONNECTION = 1.25  # fewer clients in a closed loop never fill the pool
OWN_VARIABLES = frozenset(
    {"HOST", "PORT", "LOG_LEVEL", "ENABLE_METRICS", "QUEEN_TOKEN"}
    | {"PG_HOST", "PG_PORT", "PG_USER", "PG_PASSWORD", "PG_DB"}
)
FACTOR_VARIABLES = {
    "PUSH_STRATEGY": "strategy",
    "DB_POOL_SIZE": "pool",
    "DB_CONNECTION_TIMEOUT": "connection_timeout_ms",
    "NUM_WORKERS": "num_workers",
}


class RuleBroken(ValueError):
    """An experiment that must not run. `place` is the key, `text` says what is wrong with it."""

    def __init__(self, place: str, text: str) -> None:
        super().__init__(" ".join(f"{place}: {text}".split()))  # a key of TOML may have several lines


def check(experiment: Experiment) -> None:
    """Raises `RuleBroken` for the first rule that does not hold."""
    _check_settings(experiment)
    names = [part.name for part in experiment.part]
    for name in names:
        if names.count(name) > 1:
            raise RuleBroken("part.name", f"{name!r} is given to {names.count(name)} parts")
    earlier: list[PlannedCell] = []
    for part in experiment.part:
        _check_levels(experiment, part)
        try:
            cells = planned_cells(experiment, part)
        except rate.RateError as error:
            raise RuleBroken(f"part {part.name}: rate_msg_s", str(error)) from None
        _check_part(part, cells, earlier)
        for planned in cells:
            expect_connections(experiment, part.name, planned.cell)
        earlier.extend(cells)


def warnings(experiment: Experiment) -> tuple[str, ...]:
    """What the user should know before the results are read; each once."""
    found = (
        text
        for part in experiment.part
        for planned in planned_cells(experiment, part)
        for text in (
            *_cell_warnings(part, planned),
            *connection_warnings(experiment, part.name, planned.cell),
        )
    )
    return tuple(dict.fromkeys(found))


def warmup_needed_s(cell: Cell, capacity_msg_s: float) -> float | None:
    """When the first request of an overloaded pool times out, in s after the start; None: none does.

    The line grows by (rate − capacity) messages a second, so what comes at t waits t·(rate/capacity − 1).
    The first whose wait is the time-out gives up a time-out after it came: timeout / (1 − capacity/rate).
    """
    if cell.rate_msg_s is None or cell.connection_timeout_ms is None or capacity_msg_s >= cell.rate_msg_s:
        return None
    return cell.connection_timeout_ms / 1000 / (1 - capacity_msg_s / cell.rate_msg_s)


def expect_offerable(cell: Cell) -> None:
    """Refuse a load that no generator can make. Raises `Impossible`."""
    expect_possible(
        users=cell.clients,
        partitions=cell.partitions,
        batch=cell.batch,
        payload_bytes=cell.payload_bytes,
        pushes_s=(cell.rate_msg_s or 0) / cell.batch,
    )


def expect_connections(experiment: Experiment, part: str, cell: Cell) -> None:
    """Refuse a cell with more clients than its server lets in. Raises `RuleBroken`.

    Who finds no connection free is answered 503, which is not what is to be measured.
    """
    said = experiment.server_settings()
    taken = max_clients(cell, said) * cell.num_workers
    if cell.clients + BESIDE_CLIENTS > taken:
        least = math.ceil((cell.clients + BESIDE_CLIENTS) / cell.num_workers)
        raise RuleBroken(
            f"settings.{MAX_CLIENTS}",
            f"{said[MAX_CLIENTS]} is too low for the {cell.clients:,} clients of part {part}: "
            f"expected at least {least}, or leave it out",
        )


def connection_warnings(experiment: Experiment, part: str, cell: Cell) -> Iterator[str]:
    """That the server of a cell lets in more clients than it would by itself."""
    said, default = experiment.server_settings(), SERVER_DEFAULTS.max_clients
    if MAX_CLIENTS not in said and (raised := max_clients(cell, said)) > default:
        yield (
            f"part {part}: {cell.clients:,} clients, with {BESIDE_CLIENTS} connections beside them, are more "
            f"than the {default:,} connections that a worker takes by default: its server has "
            f"{MAX_CLIENTS}={raised}"
        )


def _check_settings(experiment: Experiment) -> None:
    known = set(Settings().environ())
    for name, value in experiment.settings.items():
        if name in FACTOR_VARIABLES:
            raise RuleBroken(f"settings.{name}", f"is a factor: write {FACTOR_VARIABLES[name]} in [fixed]")
        if name in OWN_VARIABLES:
            raise RuleBroken(f"settings.{name}", "is set by the sweep itself")
        if name not in known:
            raise RuleBroken(f"settings.{name}", "no such variable of the server")
        if isinstance(value, int) and value.bit_length() > MOST_BITS:
            raise RuleBroken(f"settings.{name}", f"(a huge number): expected one of {MOST_BITS} bits at most")
    try:
        load(experiment.server_settings())
    except SettingsError as error:
        raise RuleBroken("settings", str(error)) from None


def _check_levels(experiment: Experiment, part: Part) -> None:
    for levels in levels_of(experiment, part):
        for factor, values in levels.items():
            if not values:
                raise RuleBroken(f"part {part.name}: {factor}", "an empty list: expected at least one level")
            for value in values:
                if values.count(value) > 1:
                    raise RuleBroken(f"part {part.name}: {factor}", f"{_level(value)} is given twice")


def _level(value: object) -> str:
    """As it was written."""
    if isinstance(value, float):
        return f"{value:g}"
    return str(value.value if isinstance(value, enum.Enum) else value)


def _check_part(part: Part, cells: tuple[PlannedCell, ...], earlier: list[PlannedCell]) -> None:
    seen: set[tuple[Cell, str | None]] = set()
    labels = naming.cell_labels([planned.cell for planned in cells])
    for planned, label in zip(cells, labels, strict=True):
        identity = (planned.cell, planned.rate.text if planned.rate else None)
        if identity in seen:
            raise RuleBroken(f"part {part.name}: cells", f"{label} is planned twice")
        seen.add(identity)
        _check_cell(part, planned)
        if planned.cell.loop == "closed":
            _check_closed(part, planned)
        else:
            _check_open(part, planned, earlier)


def _check_cell(part: Part, planned: PlannedCell) -> None:
    """What the generator and the server would refuse."""
    cell = planned.cell
    if cell.pool is not None and cell.pool < cell.num_workers:
        raise RuleBroken(
            f"part {part.name}: pool",
            f"{cell.pool} is below num_workers {cell.num_workers}: each worker needs a connection of its own",
        )
    try:
        expect_offerable(cell)
    except Impossible as error:
        # the producers of a shape follow from the rate
        factor = error.what if error.what != "users" else "clients" if planned.clients_stated else "rate"
        place = "rate_msg_s" if factor == "rate" else factor
        raise RuleBroken(f"part {part.name}: {place}", error.text) from None


def _check_closed(part: Part, planned: PlannedCell) -> None:
    cell = planned.cell
    if planned.rate is not None or cell.rate_msg_s is not None:
        raise RuleBroken(f"part {part.name}: rate_msg_s", 'a closed loop has no rate; write loop = "open"')
    least = CLIENTS_PER_CONNECTION * (cell.pool or 0)
    if cell.clients < least:
        raise RuleBroken(
            f"part {part.name}: clients",
            f"{cell.clients} clients cannot fill a pool of {cell.pool}: at least {least:.0f} (1.25 × pool)",
        )


def _check_open(part: Part, planned: PlannedCell, earlier: list[PlannedCell]) -> None:
    place = f"part {part.name}: rate_msg_s"
    if planned.rate is None and planned.cell.rate_msg_s is None:
        raise RuleBroken(place, "an open loop needs a rate")
    if planned.cell.shape == "custom" and not planned.clients_stated:
        raise RuleBroken(f"part {part.name}: clients", "an open loop needs clients or a shape")
    if planned.rate is not None:
        meant = sum(planned.rate.matches(other.cell) for other in earlier)
        if meant != 1:
            said = shown(planned.rate.text)
            raise RuleBroken(
                place, f"{said} names {meant} cells of the closed-loop parts before: must be one"
            )


def _cell_warnings(part: Part, planned: PlannedCell) -> Iterator[str]:
    cell = planned.cell
    timeout_s = (cell.connection_timeout_ms or 0) / 1000
    if cell.loop == "open" and not planned.timeout_stated and part.warmup_s < timeout_s:
        yield (
            f"part {part.name}: a warm-up of {part.warmup_s:g} s is over before a request can time out "
            f"(DB_CONNECTION_TIMEOUT {timeout_s:g} s): time-outs will be undercounted"
        )
    if (planned.rate is None or planned.partitions_stated) and cell.partitions < MANY_PARTITIONS:
        yield (
            f"part {part.name}: {cell.partitions} partitions; below {MANY_PARTITIONS} the partitions' locks "
            "rather than the pool may limit"
        )
    if cell.synchronous_commit == "off":
        yield f"part {part.name}: synchronous_commit=off is not durable: a crash loses acknowledged messages"
