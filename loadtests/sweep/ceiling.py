"""The generator's ceiling: what it reaches against a server that does nothing.

A trial above half of it says more about the generator than about the server (`validity.py`). Measured
once for each client and batch of a run, on the machine and in the hour of the run.
"""

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from loadtests import results
from loadtests.load.plan import LoadPlan
from loadtests.results import Cell, LoadResult, TrialFiles
from loadtests.sweep.load_process import LoadProcess
from queen.local.process import Child, ChildSpec

NULL_SERVER = (sys.executable, "-m", "loadtests.load.null_server", "--port", "0")
LISTENING = re.compile(r"listening on (http://\S+)")
START_DEADLINE_S = 15.0
WARMUP_S, MEASURE_S = 0.3, 1.2


def ceiling_key(cell: Cell) -> str:
    """The name under which a cell's ceiling is kept in the manifest: `raw/batch=10`."""
    return f"{cell.client}/batch={cell.batch}"


def distinct_ceilings(cells: Iterable[Cell]) -> dict[str, Cell]:
    """Key → a cell to measure it with: the one with the most clients."""
    found: dict[str, Cell] = {}
    for cell in sorted(cells, key=lambda cell: cell.clients):
        found[ceiling_key(cell)] = cell
    return found


async def measure_ceiling(cell: Cell, load: LoadProcess, *, seed: int) -> float:
    """Messages per second of the cell's generator in a closed loop. Raises `ChildFailed`, `ResultError`."""
    spec = ChildSpec(
        name="null server",
        argv=(*NULL_SERVER, "--batch", str(cell.batch)),
        environ={**os.environ, "PYTHONUNBUFFERED": "1"},
        log=load.directory / "null_server.log",
    )
    async with await Child.start(spec) as server:
        listening = await server.says(LISTENING, deadline_s=START_DEADLINE_S)
        await load.carry_out(_plan(cell, listening[1], load.directory, seed))
    result = results.read(TrialFiles(load.directory).load, LoadResult)
    return round(result.throughput_msg_s, 1)


def _plan(cell: Cell, url: str, directory: Path, seed: int) -> LoadPlan:
    return LoadPlan(
        host=url,
        trial_directory=str(directory),
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
    )
