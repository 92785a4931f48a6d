"""The manifest of a run while it runs: written when it begins, when its ceilings are known, when it ends."""

from datetime import UTC, datetime
from pathlib import Path

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
        self._path = run.manifest
        self._run_id = run.root.name
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
        self._write(
            Manifest(
                run_id=self._run_id,
                kind="sweep",
                title=experiment.title,
                started_at=self._before.started_at if self._before else _now(),
                command=command,
                machine=manifest.this_machine(database.server.filesystem if database.server else None),
                versions=ServerVersions(
                    server=manifest.package_versions(("queen-bench",)).get("queen-bench"),
                    postgres=database.version,
                    postgres_source=database.source,
                ),
                packages=manifest.package_versions(),
                settings=load(experiment.server_settings()).public(),
                postgres_settings=postgres_settings,
                git_commit=manifest.git_commit(Path(__file__).parent),
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
                replace(
                    self._manifest,
                    blocks_done=blocks_done,
                    finished_at=None if interrupted else _now(),
                    interrupted=interrupted,
                    notes=tuple(self._notes),
                )
            )

    def _write(self, changed: Manifest) -> None:
        self._manifest = changed
        results.write(self._path, changed)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
