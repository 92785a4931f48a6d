"""What the figures rest on: valid trials, precision, and the generator's share."""

from collections.abc import Callable, Iterable, Sequence
from statistics import fmean

from loadtests.results import Trial
from reports.findings.curves import Part
from reports.runs import Run
from reports.verdict import InvalidTrial, Precision, RemarkCount, Validity


def validity(runs: Sequence[Run], parts: Iterable[Part]) -> Validity:
    """Counts over all trials of all runs."""
    trials = [trial for run in runs for trial in run.trials]
    shares = [_ceiling_share(run, trial) for run in runs for trial in run.trials if trial.valid]
    machines = ((trial.machine, trial.load.measured_s) for trial in trials if trial.machine is not None)
    known = (machine.other_share(measured_s) for machine, measured_s in machines)
    foreign = [share for share in known if share is not None]
    return Validity(
        trials=len(trials),
        invalid=tuple(_invalid(trial) for trial in trials if not trial.valid),
        remarks=_remarks(trials),
        precision=tuple(_precision(part) for part in parts),
        generator_share=max((share for share in shares if share is not None), default=None),
        other_cpu_share=fmean(foreign) if foreign else None,
    )


def _invalid(trial: Trial) -> InvalidTrial:
    reasons = (f"{remark.reason}: {remark.detail}" for remark in trial.remarks if remark.fatal)
    return InvalidTrial(trial.trial_id, tuple(reasons))


def _remarks(trials: Iterable[Trial]) -> tuple[RemarkCount, ...]:
    """Each reason with the detail of its worst trial; of the first one where nothing says which is worse."""
    details: dict[str, list[tuple[float, str]]] = {}
    for trial in trials:
        if trial.valid:
            for reason, detail in {remark.reason: remark.detail for remark in trial.remarks}.items():
                details.setdefault(reason, []).append((_gravity(reason, trial), detail))
    return tuple(
        RemarkCount(reason, len(seen), max(seen, key=lambda one: one[0])[1], reason in MEASURED)
        for reason, seen in details.items()
    )


def _gravity(reason: str, trial: Trial) -> float:
    return MEASURED[reason](trial) or 0.0 if reason in MEASURED else 0.0


def _others(trial: Trial) -> float | None:
    return trial.machine.other_share(trial.load.measured_s) if trial.machine is not None else None


def _held(trial: Trial) -> float | None:
    due = trial.load.requests_due
    return trial.load.requests_held / due if due else None


MEASURED: dict[str, Callable[[Trial], float | None]] = {  # the remarks that have a size, and which
    "busy_machine": _others,
    "held_back": _held,
}


def _precision(part: Part) -> Precision:
    """The detectable ratio of the two cells with the most trials: what a complete pair can show."""
    model = part.model
    fullest = sorted(model.cells, key=lambda cell: -model.trials[model.cells.index(cell)])[:2]
    return Precision(
        part=part.name,
        blocks=model.blocks,
        degrees_of_freedom=model.degrees_of_freedom,
        residual_sd=model.residual_sd,
        minimum_detectable=model.minimum_detectable(fullest[0], fullest[1]) if len(fullest) == 2 else None,
    )


def _ceiling_share(run: Run, trial: Trial) -> float | None:
    """What a trial issued over its generator's own ceiling; None when that was not measured in its loop."""
    known = {} if run.manifest is None else run.manifest.generator_ceiling_msg_s
    ceiling = known.get(trial.cell.ceiling_key)
    return trial.load.issued_msg_s(trial.cell.batch) / ceiling if ceiling else None
