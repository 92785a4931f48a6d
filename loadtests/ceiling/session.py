"""A run of `queen ceiling` from the command line's point of view: options, the run, the report."""

import shutil
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from loadtests.ceiling.part import Part
from loadtests.ceiling.parts import PARTS
from loadtests.ceiling.record import TITLE
from loadtests.ceiling.runner import CeilingRequest, CeilingRun
from loadtests.results import RunFiles
from loadtests.runs.directory import new_run
from loadtests.runs.reporting import report
from loadtests.sweep.progress import showing
from queen.errors import SettingsError, UserError

EXIT_DONE, EXIT_FAILED, EXIT_ACCOUNTING = 0, 1, 3
WARMUP_S = 0.3


def request(
    *,
    part: str,
    rounds: int | None = None,
    measure_s: float | None = None,
    rows: int | None = None,
    seed: int,
    output: Path | None,
    command: tuple[str, ...],
    environ: Mapping[str, str],
) -> CeilingRequest:
    """What to run, with its directory made. What is None, the part decides.

    Raises `UserError` for all that can be mended.
    """
    chosen = _part(part, rows)
    measure_s = chosen.measure_s if measure_s is None else measure_s
    return CeilingRequest(
        part=chosen,
        run=_directory(output),
        rounds=chosen.rounds if rounds is None else rounds,
        warmup_s=min(WARMUP_S, measure_s),
        measure_s=measure_s,
        seed=seed,
        command=command,
        environ=environ,
    )


async def measure_and_report(asked: CeilingRequest, *, as_json: bool) -> int:
    """Run it, then have the figures printed; returns the exit code. Raises `UserError`."""
    run = asked.run
    try:
        with showing() as progress:
            ceilings = CeilingRun(asked, progress)
            await ceilings.run()
    except OSError as error:
        raise UserError(f"{error.filename or run.root}: {error.strerror or error}") from None
    finally:
        if not run.manifest.exists():
            shutil.rmtree(run.root, ignore_errors=True)  # nothing was begun
    reported = await report(run, "--open", "no", *(("--json",) if as_json else ()))
    windows = ceilings.record.windows
    if any(window.unaccounted for window in windows):
        print("queen: table and answers do not agree: see the windows marked INVALID", file=sys.stderr)
        return EXIT_ACCOUNTING
    if not any(window.valid for window in windows):
        raise UserError(f"no window counts; the servers' logs are in {run.root}")
    return EXIT_DONE if reported else EXIT_FAILED


def _part(name: str, rows: int | None) -> Part:
    """The part of that name, with so many rows. Raises `SettingsError`."""
    if name not in PARTS:
        raise SettingsError(f"--part {name}: expected one of {', '.join(PARTS)}")
    part = PARTS[name]
    if rows is None:
        return part
    if part.with_rows is None:
        sizable = ", ".join(each.name for each in PARTS.values() if each.with_rows is not None)
        raise SettingsError(f"--rows {rows}: --part {name} fills no table; this is for --part {sizable}")
    return part.with_rows(rows)


def _directory(output: Path | None) -> RunFiles:
    """The directory that was asked for, which must be new or empty; else one below results/."""
    if output is None:
        return new_run(Path("results").absolute(), TITLE, datetime.now(UTC))
    try:
        output.mkdir(parents=True, exist_ok=True)
        if any(output.iterdir()):
            raise UserError(f"--output {output}: the directory is not empty")
    except OSError as error:
        raise UserError(f"--output {output}: {error.strerror}") from None
    return RunFiles(output.absolute())
