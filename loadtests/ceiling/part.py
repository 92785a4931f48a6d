"""What a part of `queen ceiling` is made of: cells, the servers that they need, and ratios of cells.

A part is one module in `parts/`: it names its cells and its ratios and nothing else needs to know it but
the list in `parts/__init__.py`. A cell that is not there yet is one class in `cells/`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from loadtests.ceiling.bench import Bench
from loadtests.ceiling.servers import ServerConfig
from loadtests.ceiling.window import Asked, Measured
from loadtests.results import CeilingCell, CeilingRatio


class Cell(Protocol):
    """One thing to measure. Cells are values: all that is open belongs to the bench."""

    @property
    def described(self) -> CeilingCell:
        """Its key, label and unit."""
        ...

    @property
    def servers(self) -> Sequence[ServerConfig]:
        """The servers that must run; the first is the one whose CPU counts."""
        ...

    def missing(self, bench: Bench) -> str | None:
        """Why it cannot be measured here, in one line (a program that is not installed); None: it can."""
        ...

    async def prepare(self, bench: Bench) -> None:
        """Make once what the cell needs, before the first round (a filled table, for instance)."""
        ...

    async def measure(self, bench: Bench, asked: Asked) -> Measured:
        """Load, and tell what came of it.

        What makes the window invalid is a fault in the answer. Raises what `window.FAILURES` lists when
        there is nothing to tell.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Part:
    """Cells that are measured in the same rounds, and what is worked out of them."""

    name: str  # what --part says
    help: str  # one line
    takes: str  # how long, with these rounds, on a machine of two processors
    cells: Sequence[Cell]
    ratios: Sequence[CeilingRatio]
    rounds: int = 5  # unless --rounds says so
    measure_s: float = 1.0  # of a window, unless --seconds says so
    # Before the first round alone, not before every window: what comes after a checkpoint (a page written for
    # the first time goes to the WAL whole) is not to be measured again and again.
    checkpoint_once: bool = False
    with_rows: "Callable[[int], Part] | None" = None  # the same with so many rows (--rows)
