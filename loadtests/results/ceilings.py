"""What a run of `queen ceiling` found: windows of raw ceilings and of servers, and the asked ratios.

The ratios are rules, not figures: reports work them out from the windows, always within one round.
"""

from typing import Literal

from msgspec import Struct

from loadtests.results.limits import Count, Difference, Figure, Length
from loadtests.results.version import FORMAT

Group = Literal["raw", "server"]
Direction = Literal["at_least", "at_most"]


class CeilingCell(Struct, frozen=True, kw_only=True):
    """One thing that is measured once in every round."""

    key: str  # for instance "push-b100-c64@coalesce-w2-p20"
    group: Group  # what the database or the machine can do, or what our server does
    label: str
    kind: str = "push"  # what belongs together: push, pop, write, read, …
    unit: str = "msg/s"  # of `CeilingWindow.value`


class CeilingCourse(Struct, frozen=True, kw_only=True):
    """A rate over the time of one window, in steps of the same length."""

    name: str  # what it is the rate of, for instance "pushes"
    step_s: Length
    values: tuple[float, ...]  # of one step each, from the window's beginning
    unit: str = "msg/s"


class CeilingWindow(Struct, frozen=True, kw_only=True):
    """One cell in one round.

    CPU seconds and `run_messages` are those of the whole load, warm-up included; the rest is the window's.
    """

    cell: str  # key
    round: Count  # 0-based; a round holds each cell once
    order: Count  # place in the run
    started_at: str  # UTC
    value: Difference  # in the cell's unit; of an invalid window whatever was seen
    measured_s: Figure
    messages: Count
    run_messages: Count
    p50_ms: Difference | None = None
    p99_ms: Difference | None = None
    server_cpu_s: Difference | None = None
    postgres_cpu_s: Difference | None = None
    generator_cpu_s: Difference | None = None
    figures: dict[str, Difference] = {}  # what else a cell has to tell, unit in the name
    courses: tuple[CeilingCourse, ...] = ()
    faults: tuple[str, ...] = ()  # why the window does not count
    unaccounted: bool = False  # one of the faults: table and answers do not agree

    @property
    def valid(self) -> bool:
        """Whether the window may enter a ratio."""
        return not self.faults

    def figure(self, name: str) -> float | None:
        """`value`, `p50_ms`, `p99_ms`, or one of `figures`; None when the window has none of that name."""
        of_every_window = {"value": self.value, "p50_ms": self.p50_ms, "p99_ms": self.p99_ms}
        return of_every_window[name] if name in of_every_window else self.figures.get(name)


class CeilingRatio(Struct, frozen=True, kw_only=True):
    """A ratio that is worked out in each round: `of` over a base, which is a cell of the same round.

    With several cells in `base` it is the best of them, the one with the highest median over the rounds.
    From the figure of `of` that of `less`, another cell of the round, is subtracted first: what it adds.
    The base is multiplied by `times`, and is at least `floor` (both in the unit of the figure). Without a
    cell in `base` it is `floor`: a limit.
    """

    key: str
    label: str
    of: str  # key of a cell
    base: tuple[str, ...] = ()  # keys of cells
    less: str = ""  # key of a cell; "": nothing is subtracted
    figure: str = "value"  # of the windows of both: see `CeilingWindow.figure`
    times: float = 1.0
    floor: float = 0.0
    wanted: float | None = None  # None: shown without being judged
    direction: Direction = "at_least"


class Ceilings(Struct, frozen=True, kw_only=True):
    """The figures of one run, written anew after each round."""

    parts: tuple[str, ...]
    rounds_asked: Count
    warmup_s: Figure
    measure_s: Figure
    cells: tuple[CeilingCell, ...]
    ratios: tuple[CeilingRatio, ...]
    windows: tuple[CeilingWindow, ...]
    format: int = FORMAT
