"""The manifest as names and values: machine, versions, settings, and the command to repeat it."""

import shlex
from dataclasses import dataclass

from loadtests.results import Manifest
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


def settings(manifest: Manifest) -> tuple[Fact, ...]:
    """Environment variables of the server, then PostgreSQL's settings as read back."""
    own = (Fact(name, value or ABSENT) for name, value in sorted(manifest.settings.items()))
    database = (Fact(name, value) for name, value in sorted(manifest.postgres_settings.items()))
    return (*own, *database)


def command(manifest: Manifest) -> str:
    """The exact command, quoted for a shell."""
    return shlex.join(manifest.command)
