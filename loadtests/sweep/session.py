"""A sweep from the command line's point of view: which run, what plan, then sweep and report.

The report is made by `queen report` in a process of its own: this package does not know the other.
"""

import shlex
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from loadtests.load.bounds import option_name, shown
from loadtests.results import ResultError, RunFiles
from loadtests.runs.directory import expect_writable, filled, new_run
from loadtests.runs.reporting import report
from loadtests.sweep import ceiling, experiment_file, options
from loadtests.sweep.experiment import Experiment
from loadtests.sweep.experiment_file import ExperimentError
from loadtests.sweep.options import Asked
from loadtests.sweep.progress import clock, showing
from loadtests.sweep.runner import Sweep, SweepRequest
from loadtests.sweep.schedule import affordable_blocks
from loadtests.sweep.state import SweepState
from queen.cli import EXIT_ACCOUNTING, EXIT_FAILED
from queen.errors import SettingsError, UserError

EXIT_DONE = 0
CEILING_S = 2.6  # one load against the null server, start included
START_S = 1.5  # PostgreSQL and the first load process


def asked_experiment(asked: Asked, results: Path, resume: str | None) -> Experiment:
    """The experiment to run: that of the options, or that of the run to resume.

    Raises `ExperimentError` for a mistake in it.
    """
    if resume is None:
        return options.experiment_of(asked)
    given = [
        name for name in Asked.__struct_fields__ if getattr(asked, name) is not None and name != "budget"
    ]
    if given:
        named = "EXPERIMENT" if given[0] == "experiment" else option_name(given[0])
        raise ExperimentError(f"--resume goes on with the experiment as it was: leave {named} out")
    path = RunFiles(_resumed_run(results, resume)).experiment
    return options.experiment_of(msgspec.structs.replace(asked, experiment=str(path)))


def request(
    asked: Asked, results: Path, resume: str | None, command: tuple[str, ...], environ: Mapping[str, str]
) -> SweepRequest:
    """What to run, with its directory made. Raises `UserError` for all that can be mended."""
    experiment = asked_experiment(asked, results, resume)
    run = _new_run(results, experiment) if resume is None else RunFiles(_resumed_run(results, resume))
    try:
        run.experiment.write_text(experiment_file.dumps(experiment), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{run.experiment}: {error.strerror}") from None
    return SweepRequest(
        experiment=experiment, run=run, command=command, environ=environ, resumed=run.manifest.exists()
    )


async def sweep_and_report(asked: SweepRequest) -> int:
    """Run the sweep, then have the finding printed; returns the exit code. Raises `UserError`."""
    run = asked.run
    try:
        with filled(run), showing() as progress:
            sweep = Sweep(asked, progress)
            await sweep.run()
    except ResultError as error:
        raise UserError(str(error)) from None
    except UserError as error:
        raise UserError("; ".join(filter(None, (str(error), how_to_resume(run))))) from None
    if not sweep.state.trials:
        raise UserError(f"no trial was finished; their logs are in {run.root}")
    reported = await report(run)
    if sweep.state.accounting_fails():
        print(
            "queen: MESSAGES ARE NOT ACCOUNTED FOR (lost, duplicated, unexplained or out of order): "
            "see the trials marked INVALID",
            file=sys.stderr,
        )
        return EXIT_ACCOUNTING
    return EXIT_DONE if reported else EXIT_FAILED


def how_to_resume(run: RunFiles) -> str:
    """`queen sweep --resume RUN runs the rest`; empty: it ended before it had begun, and nothing is left."""
    if not run.manifest.exists():
        return ""
    return f"{shlex.join(('queen', 'sweep', '--resume', str(run.root)))} runs the rest"


def plan_text(experiment: Experiment) -> str:
    """What would run and how long it would take, for --dry-run."""
    state = SweepState(experiment)
    plans = state.plans()
    blocks = affordable_blocks(plans, (), experiment.budget_s)
    lines = [experiment.title]
    for each, plan, count in zip(state.parts, plans, blocks, strict=True):
        part = each.part
        lines.append(
            f"part {part.name}: {plan.cells} cells × {count} blocks of {plan.blocks} asked, "
            f"{part.warmup_s:g} s warm-up + {part.measure_s:g} s"
        )
        for planned, label in zip(each.cells, each.labels, strict=True):
            cell = planned.cell
            offered = planned.rate.text if planned.rate else cell.rate_msg_s
            load = f"{offered} msg/s" if offered else f"{cell.clients} clients"
            lines.append(
                f"  {label:32s} {load}, batch {cell.batch}, {cell.connection_timeout_ms} ms time-out"
            )
    cells = (planned.cell for each in state.parts for planned in each.cells)
    ceilings = sum(map(ceiling.measurements, ceiling.distinct_ceilings(cells).values()))
    total_s = START_S + CEILING_S * ceilings + state.seconds_left(experiment.budget_s)
    lines.append(f"{state.trials_left(experiment.budget_s)} trials, about {clock(total_s)} minutes")
    return "\n".join(lines)


def _new_run(results: Path, experiment: Experiment) -> RunFiles:
    try:
        expect_writable(results)
    except SettingsError as error:
        raise SettingsError(f"--results-dir {error}") from None
    return new_run(results.absolute(), experiment.title, datetime.now(UTC))


def _resumed_run(results: Path, resume: str) -> Path:
    for root in (Path(resume), results / resume) if resume else ():
        with suppress(OSError):  # no name that a directory can have
            if RunFiles(root).experiment.is_file():
                return root.absolute()
    raise ExperimentError(f"--resume {shown(resume)}: no run of a sweep there, nor in {results}")
