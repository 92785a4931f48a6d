"""One load that a person started: its stages, its consumers, and what it was to find."""

from collections.abc import Sequence

from loadtests.results import StageResult, Trial
from reports.runs import Run
from reports.single_load import SingleLoad, StageFigures


def of(runs: Sequence[Run]) -> SingleLoad | None:
    """What there is to tell when the report is of one load; None: of a sweep, or of several runs."""
    if not is_single(runs):
        return None
    (run,), (trial,) = runs, runs[0].trials
    load = trial.load
    assert run.manifest is not None
    return SingleLoad(
        shape=trial.cell.shape,
        producers=load.users,
        measured_s=load.measured_s,
        throughput=load.throughput_msg_s,
        answer=run.manifest.answer,
        in_vain=load.in_vain,
        refused=load.requests_not_done,
        unknown=load.requests_unknown,
        service=load.service,
        response=trial.from_intended_start(load),
        consumed_msg_s=load.messages_popped / load.measured_s,
        end_to_end=load.end_to_end,
        stages=_stages(trial),
        groups=trial.deliveries,
    )


def is_single(runs: Sequence[Run]) -> bool:
    """Whether the runs are one load, so that nothing was repeated or compared."""
    return (
        len(runs) == 1
        and runs[0].manifest is not None
        and runs[0].manifest.kind == "load"
        and len(runs[0].trials) == 1
    )


def _stages(trial: Trial) -> tuple[StageFigures, ...]:
    counted = trial.counted_stages
    first = counted[0].load if counted else trial.load
    zero_s = first.started_monotonic_s  # of the samples' clock
    return tuple(_stage(trial, stage, zero_s, stage in counted) for stage in trial.stages)


def _stage(trial: Trial, stage: StageResult, zero_s: float, counted: bool) -> StageFigures:
    load, response = stage.load, trial.from_intended_start(stage.load)
    start_s = load.started_monotonic_s - zero_s
    return StageFigures(
        number=stage.number,
        label=stage.label,
        rate_msg_s=stage.rate_msg_s,
        throughput=load.throughput_msg_s,
        p50_ms=response.p50_ms if response else None,
        p99_ms=response.p99_ms if response else None,
        failed=load.requests_failed,
        verdict=stage.verdict,
        counted=counted,
        start_s=start_s,
        end_s=start_s + load.measured_s,
    )
