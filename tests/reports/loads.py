"""The directory of one load that a person started, with stages, consumers or no success at all."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from loadtests import results
from loadtests.results import (
    ErrorCount,
    GroupAccount,
    Invalidity,
    LoadResult,
    Manifest,
    RunFiles,
    StageResult,
    Trial,
)
from tests.reports.synthetic import Law, World, write_run

SETTLE_S, STAGE_S = 1.0, 0.5
ZERO_S = 100.0  # of the monotonic clock, where the first stage's window begins


def write_load(
    root: Path,
    *,
    shape: str = "high",
    rates: Sequence[float] = (),
    counted: Sequence[int] = (),
    verdicts: Sequence[str] = (),
    groups: Sequence[GroupAccount] = (),
    answer: str = "",
    failed: int = 0,
    loop: Literal["open", "closed"] = "open",
    remarks: Sequence[Invalidity] = (),
    accounted: bool = True,
) -> Path:
    """Write one; `rates` are those of its stages, `counted` the numbers of those that count.

    With `failed` so many pushes found nobody, and none was acknowledged. Without `accounted` nobody has
    looked into the table.
    """
    world = World(laws={("coalesce", 0.0): Law(2_000, 1.0)}, pools=(20,), blocks=1, timeout_pools=())
    files = RunFiles(write_run(root, world))
    manifest = results.read(files.manifest, Manifest)
    results.write(files.manifest, replace(manifest, kind="load", title=f"{shape} load", answer=answer))
    (trial,) = results.read_trials(files)
    stages = tuple(_stage(trial.load, number, rate) for number, rate in enumerate(rates, 1))
    stages = tuple(
        replace(stage, verdict=text)
        for stage, text in zip(stages, verdicts or [""] * len(stages), strict=True)
    )
    first = next((stage for stage in stages if stage.number in counted), None)
    load = first.load if first is not None else trial.load
    if failed:
        load = _in_vain(load, failed)
    told = replace(
        trial,
        part="load",
        cell=replace(trial.cell, loop=loop, shape=shape, interval_ms=None if rates else 50.0, clients=10),
        load=replace(load, workers=tuple(map(_share, counted))),
        stages=stages,
        deliveries=tuple(groups),
        remarks=tuple(remarks),
        accounting=trial.accounting if accounted else None,
    )
    results.write(files.trial(trial.trial_id).trial, told)
    return files.root


def only_trial(root: Path) -> Trial:
    """The trial of a run that has one."""
    (trial,) = results.read_trials(RunFiles(root))
    return trial


def _stage(load: LoadResult, number: int, rate: float) -> StageResult:
    start_s = ZERO_S + (number - 1) * (SETTLE_S + STAGE_S)
    return StageResult(
        number=number,
        label=f"{rate:,.0f} msg/s",
        rate_msg_s=rate,
        load=replace(
            load,
            started_monotonic_s=start_s,
            measured_s=STAGE_S,
            messages_acknowledged=round(rate * STAGE_S),
        ),
    )


def _share(window: int) -> results.WorkerShare:
    return results.WorkerShare(
        worker=0, host="here", cpu_s=0.1, measured_s=STAGE_S, producers=10, heard_at="", window=window
    )


def _in_vain(load: LoadResult, failed: int) -> LoadResult:
    refused = ErrorCount(status=0, code="no_answer", text="connect: Connection refused", requests=failed)
    return replace(
        load,
        requests_sent=failed,
        requests_ok=0,
        requests_not_done=failed,
        messages_acknowledged=0,
        total_messages_acknowledged=0,
        service=None,
        response=None,
        errors=(refused,),
    )
