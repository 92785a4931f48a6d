"""What most cells are: something to measure on one server, which can be measured everywhere."""

from collections.abc import Sequence
from dataclasses import dataclass

from loadtests.ceiling.bench import Bench
from loadtests.ceiling.servers import ServerConfig


@dataclass(frozen=True)
class OneServer:
    """The part of a `Cell` that these have in common."""

    server: ServerConfig

    @property
    def servers(self) -> Sequence[ServerConfig]:
        """That one."""
        return (self.server,)

    def missing(self, bench: Bench) -> str | None:
        """Nothing is."""
        return None
