"""After a load: was it the server that was measured, or the generator? Adds the answer to the run's files.

The generator's ceiling is measured as a sweep does it (`loadtests.sweep.ceiling`), when server and
database are gone and the machine is free, with the client, batch and payload of the run. It is the
ceiling of one process, so a run of several has none, and the CPU of each of them tells instead.
"""

from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from loadtests import results
from loadtests.commands.load_audit import only_trial
from loadtests.results import Cell, Manifest, RunFiles, Trial
from loadtests.runs.validity import generator_limited, issued_msg_s
from loadtests.sweep.ceiling import ceiling_key, measure_ceiling
from loadtests.sweep.load_process import LoadProcess

SEED = 7


async def ceiling_of(cell: Cell, directory: Path) -> float:
    """Messages/s of one generator process against a null server, with the cell's client, batch and payload.

    Takes about 3 s. Raises `ChildFailed`, `ResultError`, OSError.
    """
    process = await LoadProcess.start(directory)
    try:
        return await measure_ceiling(cell, process, seed=SEED)
    finally:
        await process.stop()


async def judge(runs: Iterable[RunFiles], scratch: Path) -> None:
    """Measure the ceilings of these runs, each once, and mark those that were near them.

    Raises as `ceiling_of`.
    """
    ceilings: dict[tuple[str, int], float] = {}
    for run in runs:
        files = only_trial(run)
        trial = results.read(files.trial, Trial)
        if len({share.worker for share in trial.load.workers}) > 1:
            continue
        cell = trial.cell
        kind = ceiling_key(cell), cell.payload_bytes
        if kind not in ceilings:
            ceilings[kind] = await ceiling_of(cell, scratch / f"ceiling-{len(ceilings)}")
        results.write(files.trial, judged(trial, ceilings[kind]))
        manifest = results.read(run.manifest, Manifest)
        known = {**manifest.generator_ceiling_msg_s, ceiling_key(cell): ceilings[kind]}
        results.write(run.manifest, replace(manifest, generator_ceiling_msg_s=known))


def judged(trial: Trial, ceiling_msg_s: float) -> Trial:
    """The trial, with the remark about its generator that its ceiling asks for, and no other of that kind."""
    others = tuple(remark for remark in trial.remarks if remark.reason != "generator_limited")
    load = trial.load
    limited = generator_limited(issued_msg_s(trial.cell, load), load.workers, ceiling_msg_s)
    return replace(trial, remarks=(*others, *limited))
