"""The manifest as names and values: machine, versions, settings, and the command to repeat it."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from loadtests.results import Cell, Manifest
from reports.tables import ABSENT


@dataclass(frozen=True)
class Fact:
    """A name and a value."""

    name: str
    value: str


def machine(manifest: Manifest) -> tuple[Fact, ...]:
    """Where it ran and with what."""
    host, versions = manifest.machine, manifest.versions
    source = f" ({versions.postgres_source})" if versions.postgres_source else ""
    facts = (
        Fact("Processor", f"{host.cpu_model}, {host.cpu_count} CPUs"),
        Fact("Memory", f"{host.memory_bytes / 2**30:.1f} GiB"),
        Fact("System", host.system),
        Fact("File system of the database", host.filesystem or ABSENT),
        Fact(
            "Load average before", ABSENT if host.load_average_1m is None else f"{host.load_average_1m:.2f}"
        ),
        Fact("Python", host.python),
        Fact("Server", versions.server or ABSENT),
        Fact("PostgreSQL", f"{versions.postgres or ABSENT}{source}"),
        *(Fact(name, version) for name, version in sorted(manifest.packages.items())),
    )
    return facts


FACTORS = {  # settings of the server that a trial may have of its own
    "DB_POOL_SIZE": "pool",
    "PUSH_STRATEGY": "strategy",
    "DB_CONNECTION_TIMEOUT": "connection_timeout_ms",
    "NUM_WORKERS": "num_workers",
}


def settings(manifest: Manifest, cells: Iterable[Cell] = ()) -> tuple[Fact, ...]:
    """Environment variables of the server, then PostgreSQL's settings as read back.

    What the trials of a sweep, whose cells these are, had in place of a variable is told instead of it.
    """
    listed = tuple(cells)
    had = {name: _values(getattr(cell, field) for cell in listed) for name, field in FACTORS.items()}
    own = (Fact(name, had.get(name) or value or ABSENT) for name, value in sorted(manifest.settings.items()))
    database = (Fact(name, value) for name, value in sorted(manifest.postgres_settings.items()))
    return (*own, *database)


def _values(values: Iterable[str | int | None]) -> str:
    """1, 5 or 20 (a factor: each trial had its own); "" where the trials tell nothing."""
    told = sorted(
        {value for value in values if value is not None}, key=lambda value: (str(type(value)), value)
    )
    if len(told) < 2:
        return str(told[0]) if told else ""
    return f"{', '.join(map(str, told[:-1]))} or {told[-1]} (a factor: each trial had one of them)"


def command(manifest: Manifest) -> str:
    """The exact command, quoted for a shell."""
    return shlex.join(manifest.command)
