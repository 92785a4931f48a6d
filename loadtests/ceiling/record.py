"""The files of a run while it runs: the manifest at its beginning and end, the figures after every round."""

from collections.abc import Sequence

from msgspec.structs import replace

from loadtests import results
from loadtests.results import CeilingCell, Ceilings, CeilingWindow, Manifest, RunFiles
from loadtests.sweep.record import begun_manifest, ended_manifest
from queen.local.open_database import OpenDatabase

TITLE = "Ceilings"


class CeilingRecord:
    """What one run leaves behind. Every method may raise OSError."""

    def __init__(self, run: RunFiles, ceilings: Ceilings) -> None:
        self._run = run
        self._ceilings = ceilings
        self._manifest: Manifest | None = None

    @property
    def windows(self) -> tuple[CeilingWindow, ...]:
        """What was measured so far."""
        return self._ceilings.windows

    def begin(
        self,
        *,
        command: tuple[str, ...],
        database: OpenDatabase,
        settings: dict[str, str],
        postgres_settings: dict[str, str],
        seed: int,
    ) -> None:
        """Write what is known before the first round."""
        begun = begun_manifest(
            self._run,
            "ceiling",
            TITLE,
            command=command,
            database=database,
            settings=settings,
            postgres_settings=postgres_settings,
        )
        self._write(replace(begun, seed=seed, blocks_asked=self._ceilings.rounds_asked))

    def measures(self, cells: Sequence[CeilingCell]) -> None:
        """Keep which cells are measured, and of the ratios those that can be worked out of them."""
        keys = {cell.key for cell in cells}
        ratios = [
            replace(ratio, base=base)
            for ratio in self._ceilings.ratios
            if {ratio.of, ratio.less or ratio.of} <= keys
            and ((base := tuple(key for key in ratio.base if key in keys)) or not ratio.base)
        ]
        self._ceilings = replace(self._ceilings, cells=tuple(cells), ratios=tuple(ratios))

    def add(self, window: CeilingWindow) -> None:
        """Keep a window; it is written with `save`."""
        self._ceilings = replace(self._ceilings, windows=(*self._ceilings.windows, window))

    def save(self) -> None:
        """Write all windows so far."""
        results.write(self._run.ceilings, self._ceilings)

    def end(self, *, rounds_done: int, interrupted: bool, notes: tuple[str, ...]) -> None:
        """Write how it ended, if it began."""
        if self._manifest is None:
            return
        self.save()
        self._write(
            ended_manifest(self._manifest, blocks_done=rounds_done, interrupted=interrupted, notes=notes)
        )

    def _write(self, changed: Manifest) -> None:
        self._manifest = changed
        results.write(self._run.manifest, changed)
