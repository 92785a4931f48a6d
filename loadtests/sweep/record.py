"""The manifest of a run while it runs: written when it begins, when its ceilings are known, when it ends.

What it says of any run on servers of ours is made here as well (`begun_manifest`, `ended_manifest`).
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from loadtests import results
from loadtests.results import Manifest, RunFiles, ServerVersions
from loadtests.runs import manifest
from loadtests.sweep.experiment import Experiment
from queen.local.open_database import OpenDatabase
from queen.settings import load


class RunRecord:
    """The manifest of one run. What is said by `note` is in it at the end, each line once."""

    def __init__(self, run: RunFiles, *, resumed: bool) -> None:
        self._run = run
        self._before = results.read(run.manifest, Manifest) if resumed else None
        self._manifest: Manifest | None = None
        self._notes: list[str] = []

    @property
    def ceilings_msg_s(self) -> dict[str, float]:
        """The generator's ceilings, by `Cell.ceiling_key`, of an earlier sitting too."""
        known = self._manifest or self._before
        return dict(known.generator_ceiling_msg_s) if known else {}

    def note(self, text: str) -> bool:
        """Keep a remark on the run; False when it is there already."""
        if text in self._notes:
            return False
        self._notes.append(text)
        return True

    def begin(
        self,
        experiment: Experiment,
        command: tuple[str, ...],
        database: OpenDatabase,
        postgres_settings: dict[str, str],
    ) -> None:
        """Write what is known before the first trial. Raises OSError."""
        begun = begun_manifest(
            self._run,
            "sweep",
            experiment.title,
            command=command,
            database=database,
            settings=load(experiment.server_settings()).public(),
            postgres_settings=postgres_settings,
        )
        self._write(
            replace(
                begun,
                started_at=self._before.started_at if self._before else begun.started_at,
                seed=experiment.seed,
                blocks_asked=experiment.part[0].blocks,
                generator_ceiling_msg_s=self.ceilings_msg_s,
            )
        )

    def ceilings(self, ceilings_msg_s: dict[str, float]) -> None:
        """Write the generator's ceilings. Raises OSError."""
        if self._manifest is not None:
            self._write(replace(self._manifest, generator_ceiling_msg_s=ceilings_msg_s))

    def end(self, *, blocks_done: int, interrupted: bool) -> None:
        """Write how it ended, if it began. Raises OSError."""
        if self._manifest is not None:
            self._write(
                ended_manifest(
                    self._manifest,
                    blocks_done=blocks_done,
                    interrupted=interrupted,
                    notes=tuple(self._notes),
                )
            )

    def _write(self, changed: Manifest) -> None:
        self._manifest = changed
        results.write(self._run.manifest, changed)


def begun_manifest(
    run: RunFiles,
    kind: Literal["sweep", "ceiling"],
    title: str,
    *,
    command: tuple[str, ...],
    database: OpenDatabase,
    settings: dict[str, str],
    postgres_settings: dict[str, str],
) -> Manifest:
    """What is known of a run on servers of ours before anything is measured."""
    return Manifest(
        run_id=run.root.name,
        kind=kind,
        title=title,
        started_at=now(),
        command=command,
        machine=manifest.this_machine(database.server.filesystem if database.server else None),
        versions=ServerVersions(
            server=manifest.package_versions(("queen-bench",)).get("queen-bench"),
            postgres=database.version,
            postgres_source=database.source,
        ),
        packages=manifest.package_versions(),
        settings=settings,
        postgres_settings=postgres_settings,
        git_commit=manifest.git_commit(Path(__file__).parent),
    )


def ended_manifest(
    begun: Manifest, *, blocks_done: int, interrupted: bool, notes: tuple[str, ...]
) -> Manifest:
    """The same when the run is over."""
    return replace(
        begun,
        blocks_done=blocks_done,
        finished_at=None if interrupted else now(),
        interrupted=interrupted,
        notes=notes,
    )


def now() -> str:
    """UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
