"""After a load: was it the server that was measured, or the generator? Adds the answer to the run's files.

The generator's ceiling is measured as a sweep does it (`loadtests.sweep.ceiling`), when server and
database are gone and the machine is free: in the loop of the run, with its client, batch, payload and
producers. Consumers have no part in it; what they cost shows in the CPU of the process, which is judged
beside it. It is the ceiling of one process, so a run of several has none.
"""

from itertools import count
from pathlib import Path

from msgspec.structs import replace

from loadtests import results
from loadtests.commands.load_audit import only_trial
from loadtests.results import Cell, Manifest, RunFiles, Trial
from loadtests.runs.validity import near_ceiling
from loadtests.sweep.ceiling import measure_ceiling
from loadtests.sweep.load_process import LoadProcess

SEED = 7


async def ceiling_of(cell: Cell, directory: Path, *, stamped: bool) -> float:
    """Messages/s of one generator process against a null server, see `measure_ceiling`.

    Takes about 3 s, of an open loop 5 s. Raises `ChildFailed`, `ResultError`, OSError.
    """
    numbers = count()
    return await measure_ceiling(
        cell, lambda: LoadProcess.start(directory / str(next(numbers))), seed=SEED, stamped=stamped
    )


async def judge(run: RunFiles, scratch: Path) -> None:
    """Measure the ceiling of this run, unless it was of several processes, and mark it if it was near.

    Raises as `ceiling_of`.
    """
    files = only_trial(run)
    trial = results.read(files.trial, Trial)
    if len({share.worker for share in trial.load.workers}) > 1:
        return
    cell, consumed = trial.cell, trial.load.messages_popped > 0
    ceiling_msg_s = await ceiling_of(cell, scratch, stamped=consumed)
    results.write(files.trial, judged(trial, ceiling_msg_s))
    manifest = results.read(run.manifest, Manifest)
    known = {**manifest.generator_ceiling_msg_s, cell.ceiling_key: ceiling_msg_s}
    notes = (*manifest.notes, note(cell, ceiling_msg_s, consumed=consumed))
    results.write(run.manifest, replace(manifest, generator_ceiling_msg_s=known, notes=notes))


def note(cell: Cell, ceiling_msg_s: float, *, consumed: bool) -> str:
    """What was measured, in one line."""
    consumers = "; the run's consumers had no part in it" if consumed else ""
    return (
        f"the generator reaches {ceiling_msg_s:,.0f} msg/s against a null server ({cell.loop} loop, "
        f"{cell.client} client, {cell.clients} producers, batch {cell.batch}, {cell.payload_bytes} bytes, "
        f"one process{consumers})"
    )


def judged(trial: Trial, ceiling_msg_s: float) -> Trial:
    """The trial with the remark that its ceiling asks for; what else was remarked stays."""
    limited = near_ceiling(trial.load.issued_msg_s(trial.cell.batch), ceiling_msg_s)
    return trial.with_remarks(limited, instead_of=("near_ceiling",))
