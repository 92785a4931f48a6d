"""The generator's ceiling: what it reaches against a server that does nothing.

A trial above half of it says more about the generator than about the server (`validity.py`). Measured
once for each client, loop and batch of a run, on the machine and in the hour of the run.

An open loop costs more for each push than a closed one: it gives every push a greenlet, keeps a schedule
and counts what it misses. Its ceiling is what it gets through when it is offered what the closed loop
reached, which is more than it can do.
"""

import os
import re
import sys
from collections.abc import Awaitable, Callable, Iterable

from msgspec.structs import replace

from loadtests import results
from loadtests.load.plan import Consuming, LoadPlan
from loadtests.results import Cell, LoadResult, TrialFiles
from loadtests.sweep.load_process import LoadProcess
from queen.local.process import Child, ChildSpec

NULL_SERVER = (sys.executable, "-m", "loadtests.load.null_server", "--port", "0")
LISTENING = re.compile(r"listening on (http://\S+)")
START_DEADLINE_S = 15.0
WARMUP_S, MEASURE_S = 0.3, 1.2
IN_FLIGHT = 256  # of an open loop, all producers together: more would wait in the null server

TakeProcess = Callable[[], Awaitable[LoadProcess]]


def distinct_ceilings(cells: Iterable[Cell]) -> dict[str, Cell]:
    """`Cell.ceiling_key` → a cell to measure it with: the one with the most clients."""
    found: dict[str, Cell] = {}
    for cell in sorted(cells, key=lambda cell: cell.clients):
        found[cell.ceiling_key] = cell
    return found


def measurements(cell: Cell) -> int:
    """How many loads the ceiling of this cell takes, each with a process of its own."""
    return 2 if cell.loop == "open" else 1


async def measure_ceiling(cell: Cell, take: TakeProcess, *, seed: int, stamped: bool = False) -> float:
    """Messages per second of one process of the cell's generator, in the cell's loop.

    `take` gives a generator for each of the `measurements`; `stamped`: messages carry the time at which
    they were due, as they do for consumers. Raises `ChildFailed`, `ResultError`, OSError.
    """
    closed_msg_s = await _reached(cell, take, _closed_plan(cell, seed, stamped=stamped))
    if cell.loop == "closed":
        return closed_msg_s
    return await _reached(cell, take, _open_plan(cell, seed, closed_msg_s, stamped=stamped))


async def _reached(cell: Cell, take: TakeProcess, plan: LoadPlan) -> float:
    load = await take()
    try:
        spec = ChildSpec(
            name="null server",
            argv=(*NULL_SERVER, "--batch", str(cell.batch)),
            environ={**os.environ, "PYTHONUNBUFFERED": "1"},
            log=load.directory / "null_server.log",
        )
        async with await Child.start(spec) as server:
            listening = await server.says(LISTENING, deadline_s=START_DEADLINE_S)
            await load.carry_out(replace(plan, host=listening[1], trial_directory=str(load.directory)))
        result = results.read(TrialFiles(load.directory).load, LoadResult)
    finally:
        await load.stop()
    return round(result.throughput_msg_s, 1)


def _closed_plan(cell: Cell, seed: int, *, stamped: bool) -> LoadPlan:
    return LoadPlan(
        host="",
        trial_directory="",
        run_tag="ceiling",
        client=cell.client,
        users=cell.clients,
        batch=cell.batch,
        payload_bytes=cell.payload_bytes,
        partitions=cell.partitions,
        warmup_s=WARMUP_S,
        measure_s=MEASURE_S,
        drain_s=1.0,
        seed=seed,
        consuming=Consuming() if stamped else None,
    )


def _open_plan(cell: Cell, seed: int, offered_msg_s: float, *, stamped: bool) -> LoadPlan:
    return replace(
        _closed_plan(cell, seed, stamped=stamped),
        loop="open",
        phase=cell.arrivals,
        rate_msg_s=offered_msg_s,
        in_flight=max(1, IN_FLIGHT // cell.clients),
    )
