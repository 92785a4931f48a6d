"""What differs between two runs: machine, versions, settings of server and PostgreSQL, experiment.

What is of no run's making (the load average before) or changes with every start (ports and directories of
a database that the lab itself started) is left out.
"""

from collections.abc import Callable, Iterator, Mapping
from statistics import median
from typing import Literal

from msgspec import Struct

from loadtests.results import Cell, Manifest, Trial
from reports.findings import cells
from reports.runs import OWN_DATABASES, Run

Topic = Literal["machine", "versions", "server", "PostgreSQL", "experiment"]

WHERE_THE_SERVER_LISTENS = frozenset({"HOST", "PORT"})
WHERE_OUR_DATABASE_IS = frozenset({"PG_HOST", "PG_PORT", "PG_USER", "PG_PASSWORD", "PG_DB"})
WHERE_POSTGRES_IS = frozenset(
    {"config_file", "data_directory", "hba_file", "ident_file", "external_pid_file"}
    | {"port", "listen_addresses", "unix_socket_directories"}
)
SAME_LENGTH = 0.25  # as observed: processes start later at one time than at another
SAME_LENGTH_S = 0.1
SAME_RTT_MS = 0.2  # beside a quarter: what a relay and a busy machine add
NOT_KNOWN, NOT_SET = "not known", "not set"


class Difference(Struct, frozen=True):
    """One thing that differs, and what it was in each of the two runs."""

    topic: Topic
    name: str
    base: str
    other: str

    def __str__(self) -> str:
        """In a line."""
        return f"{self.topic}, {self.name}: {self.base} | {self.other}"


def between(base: Run, other: Run) -> tuple[Difference, ...]:
    """All that is known to differ; files of another tool tell of the experiment alone."""
    return (*_surroundings(base.manifest, other.manifest), *of_experiments(base, other))


def of_experiments(base: Run, other: Run) -> tuple[Difference, ...]:
    """How the closed-loop trials of two runs were made differently, which are those that are compared."""
    return (*_factors(base, other), *_times(base, other), *_round_trips(base, other))


def _surroundings(base: Manifest | None, other: Manifest | None) -> Iterator[Difference]:
    if base is None or other is None:
        return
    yield from _differing("machine", _machine(base), _machine(other), NOT_KNOWN)
    yield from _differing("versions", _versions(base), _versions(other), NOT_KNOWN)
    left_out = WHERE_THE_SERVER_LISTENS
    if all(each.versions.postgres_source in OWN_DATABASES for each in (base, other)):
        left_out |= WHERE_OUR_DATABASE_IS
    yield from _differing("server", base.settings, other.settings, NOT_SET, left_out)
    settings = base.postgres_settings, other.postgres_settings
    yield from _differing("PostgreSQL", *settings, NOT_SET, WHERE_POSTGRES_IS)


def _machine(manifest: Manifest) -> dict[str, str]:
    host = manifest.machine
    return {
        "processor": host.cpu_model,
        "CPUs": str(host.cpu_count),
        "memory": f"{host.memory_bytes / 2**30:.1f} GiB",
        "system": host.system,
        "file system": host.filesystem or NOT_KNOWN,
    }


def _versions(manifest: Manifest) -> dict[str, str]:
    told = {
        "server": manifest.versions.server,
        "PostgreSQL": manifest.versions.postgres,
        "PostgreSQL from": manifest.versions.postgres_source,
        "Python": manifest.machine.python,
        "commit": manifest.git_commit,
    }
    return {name: value or NOT_KNOWN for name, value in told.items()} | manifest.packages


def _differing(
    topic: Topic,
    base: Mapping[str, str],
    other: Mapping[str, str],
    absent: str,
    left_out: frozenset[str] = frozenset(),
) -> Iterator[Difference]:
    for name in (*base, *(name for name in other if name not in base)):
        values = base.get(name, absent) or absent, other.get(name, absent) or absent
        if values[0] != values[1] and name not in left_out:
            yield Difference(topic, name, *values)


def _factors(base: Run, other: Run) -> Iterator[Difference]:
    """Factors of which the two runs have other levels."""
    for name in Cell.__struct_fields__:
        levels = _levels(base, name), _levels(other, name)
        follows = name == "partitions" and _one_each(base, other)
        if levels[0] != levels[1] and not follows:
            yield Difference("experiment", name, *levels)


def _levels(run: Run, factor: str) -> str:
    """Those that were measured, in the order of cells: 1, 5, 20."""
    measured = sorted({cell for _, cell in cells.grouped([run], "closed")}, key=cells.order)
    values = dict.fromkeys(getattr(cell, factor) for cell in measured)
    return ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)


def _one_each(*runs: Run) -> bool:
    """Whether partitions follow from the clients, so that they say nothing more."""
    return all(cell.partitions == cell.clients for run in runs for _, cell in cells.grouped([run], "closed"))


def _times(base: Run, other: Run) -> Iterator[Difference]:
    """Warm-ups and windows of the same cells, as they really were: medians of a cell's trials."""
    kinds: dict[str, Callable[[Trial], float]] = {
        "warm-up": lambda trial: trial.load.warmup_s,
        "window": lambda trial: trial.load.measured_s,
    }
    first, second = (cells.grouped([run], "closed") for run in (base, other))
    common = [key for key in first if key in second]
    for part in dict.fromkeys(part for part, _ in common):
        keys = [key for key in common if key[0] == part]
        for kind, length in kinds.items():
            pairs = [(median(map(length, first[key])), median(map(length, second[key]))) for key in keys]
            unlike = [pair for pair in pairs if _far_apart(*pair, SAME_LENGTH_S)]
            if unlike:
                some = "" if len(unlike) == len(keys) else f" ({len(unlike)} of {len(keys)} cells)"
                lengths = (f"{each:.1f} s" for each in unlike[0])
                yield Difference("experiment", f"{kind} of {part}{some}", *lengths)


def _round_trips(base: Run, other: Run) -> Iterator[Difference]:
    """What was measured to the database where the same round trip was asked for."""
    first, second = _measured_rtt_ms(base), _measured_rtt_ms(other)
    for asked_ms in first.keys() & second.keys():
        pair = first[asked_ms], second[asked_ms]
        if _far_apart(*pair, SAME_RTT_MS):
            name = f"round trip that was measured at db_rtt_ms {asked_ms:g}"
            yield Difference("experiment", name, *(f"{each:.1f} ms" for each in pair))


def _measured_rtt_ms(run: Run) -> dict[float, float]:
    """Asked round trip → the median of what was measured."""
    measured: dict[float, list[float]] = {}
    for trial in run.trials:
        if trial.machine is not None and trial.machine.db_rtt_measured_ms is not None:
            measured.setdefault(trial.cell.db_rtt_ms, []).append(trial.machine.db_rtt_measured_ms)
    return {asked_ms: median(values) for asked_ms, values in measured.items()}


def _far_apart(one: float, other: float, least: float) -> bool:
    return abs(one - other) > max(least, SAME_LENGTH * min(one, other))
