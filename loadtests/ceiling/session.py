"""A run of `queen ceiling` from the command line's point of view: options, the run, the report."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from loadtests.ceiling.part import Part
from loadtests.ceiling.parts import PARTS
from loadtests.ceiling.record import TITLE
from loadtests.ceiling.runner import CeilingRequest, CeilingRun
from loadtests.results import RunFiles
from loadtests.runs.directory import expect_writable, filled, new_run
from loadtests.runs.reporting import report
from loadtests.sweep.progress import showing
from queen.cli import EXIT_ACCOUNTING, EXIT_FAILED
from queen.errors import SettingsError, UserError
from queen.local.cluster import checked_settings
from queen.local.open_database import outside_database

EXIT_DONE = 0
WARMUP_S = 0.3


def request(
    *,
    part: Part,
    rounds: int | None = None,
    measure_s: float | None = None,
    settings: Sequence[str] = (),
    seed: int,
    output: Path | None,
    command: tuple[str, ...],
    environ: Mapping[str, str],
) -> CeilingRequest:
    """What to run, with its directory made. What is None, the part decides; `settings` are NAME=VALUE.

    Raises `UserError` for all that can be mended.
    """
    postgres_settings = _postgres_settings(settings, environ)
    measure_s = part.measure_s if measure_s is None else measure_s
    return CeilingRequest(
        part=part,
        run=_directory(output),
        rounds=part.rounds if rounds is None else rounds,
        warmup_s=min(WARMUP_S, measure_s),
        measure_s=measure_s,
        seed=seed,
        command=command,
        environ=environ,
        postgres_settings=postgres_settings,
    )


async def measure_and_report(asked: CeilingRequest, *, as_json: bool) -> int:
    """Run it, then have the figures printed; returns the exit code. Raises `UserError`."""
    run = asked.run
    with filled(run), showing() as progress:
        ceilings = CeilingRun(asked, progress)
        await ceilings.run()
    reported = await report(run, "--open", "no", *(("--json",) if as_json else ()))
    windows = ceilings.record.windows
    if any(window.unaccounted for window in windows):
        print("queen: table and answers do not agree: see the windows marked INVALID", file=sys.stderr)
        return EXIT_ACCOUNTING
    if not any(window.valid for window in windows):
        raise UserError(f"no window counts; the servers' logs are in {run.root}")
    return EXIT_DONE if reported else EXIT_FAILED


def part_named(name: str, rows: int | None = None) -> Part:
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


def _postgres_settings(settings: Sequence[str], environ: Mapping[str, str]) -> dict[str, str]:
    """By name. Raises `SettingsError`; what a value may be PostgreSQL itself says when it starts."""
    found = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not (equals and name.strip() and value.strip()):
            raise SettingsError(f"--set {text}: expected NAME=VALUE")
        found[name.strip()] = value.strip()
    if found and outside_database(environ):
        raise SettingsError(
            "--set: PG_HOST names a PostgreSQL that runs already; set it there, or unset PG_HOST"
        )
    return dict(checked_settings(found))


def _directory(output: Path | None) -> RunFiles:
    """The directory that was asked for, which must be new or empty; else one below results/.

    Raises `SettingsError` for one in which nothing can be written.
    """
    if output is None:
        results = Path("results")
        expect_writable(results)
        return new_run(results.absolute(), TITLE, datetime.now(UTC))
    try:
        output.mkdir(parents=True, exist_ok=True)
        if any(output.iterdir()):
            raise SettingsError(f"--output {output}: the directory is not empty")
    except OSError as error:
        raise SettingsError(f"--output {output}: {error.strerror}") from None
    try:
        expect_writable(output)
    except SettingsError as error:
        raise SettingsError(f"--output {error}") from None
    return RunFiles(output.absolute())
