"""A run of `queen ceiling` with known figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from loadtests import results
from loadtests.results import (
    CeilingCell,
    CeilingRatio,
    Ceilings,
    CeilingWindow,
    Machine,
    Manifest,
    RunFiles,
    ServerVersions,
)

CELLS = (
    CeilingCell(key="push", group="server", label="push of ours"),
    CeilingCell(key="slow", group="raw", kind="write", label="small statements"),
    CeilingCell(key="fast", group="raw", kind="write", label="large statements"),
    CeilingCell(key="delay", group="server", kind="end to end", label="delay", unit="ms"),
    CeilingCell(key="commit", group="raw", kind="commit", label="commit", unit="ms"),
)
RATIOS = (
    CeilingRatio(key="best", label="push / best", of="push", base=("slow", "fast"), wanted=0.7),
    CeilingRatio(key="slow", label="push / slow", of="push", base=("slow",)),
    CeilingRatio(
        key="delay",
        label="delay / limit",
        of="delay",
        base=("commit",),
        times=3.0,
        floor=10.0,
        wanted=1.0,
        direction="at_most",
    ),
)
VALUES: dict[str, Sequence[float]] = {
    "push": (80.0, 40.0, 160.0, 80.0),  # twice the slow and half the fast one, in every round
    "slow": (40.0, 20.0, 80.0, 40.0),
    "fast": (160.0, 80.0, 320.0, 160.0),
    "delay": (5.0, 5.0, 5.0, 30.0),
    "commit": (1.0, 1.0, 1.0, 5.0),
}


def made_ceilings(
    values: Mapping[str, Sequence[float]] = VALUES, faults: Mapping[tuple[str, int], str] | None = None
) -> Ceilings:
    """Rounds with these values; `faults`: (cell, round) → why that window does not count."""
    windows = [
        CeilingWindow(
            cell=cell,
            round=number,
            order=number * len(values) + place,
            started_at="2026-11-25T03:00:00+00:00",
            value=value,
            measured_s=1.0,
            messages=round(value),
            run_messages=round(1000 * value),
            p99_ms=2.0,
            server_cpu_s=value / 100,
            faults=(faults[cell, number],) if faults and (cell, number) in faults else (),
        )
        for place, (cell, of_cell) in enumerate(values.items())
        for number, value in enumerate(of_cell)
    ]
    return Ceilings(
        parts=("ratios",),
        rounds_asked=4,
        warmup_s=0.3,
        measure_s=1.0,
        cells=tuple(cell for cell in CELLS if cell.key in values),
        ratios=RATIOS,
        windows=tuple(windows),
    )


def write_ceilings(root: Path, ceilings: Ceilings) -> RunFiles:
    """The run's directory."""
    files = RunFiles(root)
    manifest = Manifest(
        run_id="made",
        kind="ceiling",
        title="Ceilings",
        started_at="2026-11-25T03:00:00+00:00",
        command=("queen", "ceiling"),
        machine=Machine(system="Linux", cpu_model="cpu", cpu_count=2, memory_bytes=2**33, python="3.11"),
        versions=ServerVersions(postgres="18.6", postgres_source="embedded"),
        blocks_asked=4,
        blocks_done=4,
        postgres_settings={"shared_buffers": "2GB"},
        notes=("something is left out",),
    )
    results.write(files.manifest, manifest)
    results.write(files.ceilings, ceilings)
    return files
