"""The rate of the first seconds is the rate of the second minute: no step falls far below the median one."""

from loadtests.ceiling.cells.steady import POPS, PUSHES, Steady
from loadtests.ceiling.part import Part
from loadtests.ceiling.servers import ServerConfig
from loadtests.results import CeilingRatio

CELL = Steady(ServerConfig(), 100, connections=64)

PART = Part(
    name="steady",
    help="pushes and pops at once for 70 s, in steps of 5 s",
    takes="4 minutes",
    cells=(CELL,),
    ratios=tuple(
        CeilingRatio(
            key=f"steady-{name}",
            label=f"{name}: the slowest step / the median one",
            of=CELL.key,
            figure=f"slowest_{name}",
            floor=1.0,
            wanted=0.5,
        )
        for name in (PUSHES, POPS)
    ),
    rounds=3,  # the first begins with fresh tables, the others with emptied ones: one alone has no interval
    measure_s=70.0,
)
