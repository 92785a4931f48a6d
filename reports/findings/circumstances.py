"""Under which load the pool sizes of the curves were measured: what a recommendation of them rests on."""

from collections.abc import Sequence

from loadtests.results import Trial
from reports.runs import Run
from reports.verdict import Circumstances


def of(runs: Sequence[Run]) -> Circumstances | None:
    """Of the valid closed-loop trials; None without any, or where a run's files do not tell."""
    manifests = [run.manifest for run in runs if run.manifest is not None]
    trials = [trial for run in runs for trial in run.trials if trial.valid and trial.cell.loop == "closed"]
    if not trials or len(manifests) < len(runs):
        return None
    fresh = all(manifest.kind == "sweep" for manifest in manifests)
    return Circumstances(
        shortest_s=min(trial.load.measured_s for trial in trials),
        longest_s=max(trial.load.measured_s for trial in trials),
        payload_bytes=tuple(sorted({trial.cell.payload_bytes for trial in trials})),
        batches=tuple(sorted({trial.cell.batch for trial in trials})),
        clients=tuple(sorted({trial.cell.clients for trial in trials})),
        consumed=any(_was_consumed(trial) for trial in trials),
        fresh_tables=fresh,
        checkpointed=fresh
        and not any("CHECKPOINT" in note for manifest in manifests for note in manifest.notes),
    )


def _was_consumed(trial: Trial) -> bool:
    return bool(trial.deliveries) or trial.load.messages_popped > 0
