"""Idle partitions cost a pop nothing: its latency beside few of them and beside very many."""

from itertools import product

from loadtests.ceiling.cells.idle_pop import IdlePop
from loadtests.ceiling.part import Part
from loadtests.ceiling.servers import ServerConfig
from loadtests.results import CeilingRatio

FEW, MANY = 100, 100_000


def part(few: int = FEW, many: int = MANY) -> Part:
    """Each number of idle partitions in a database of its own: indexes are as deep as they would be."""
    servers = {number: ServerConfig(workers=1, pool=4, role=f"idle{number}") for number in (few, many)}
    pairs = [[IdlePop(servers[number], number, empty) for number in (few, many)] for empty in (False, True)]
    return Part(
        name="partitions",
        help="pops among few and among very many idle partitions",
        takes="2 minutes",
        cells=tuple(cell for pair in pairs for cell in pair),
        ratios=tuple(
            CeilingRatio(
                key=f"{'empty' if least.empty else 'pop'}-{figure}",
                label=f"{'empty pop' if least.empty else 'pop'}, {many:,} / {few:,} partitions, {figure}",
                of=most.key,
                base=(least.key,),
                figure=f"{figure}_ms",
                wanted=1.5,
                direction="at_most",
            )
            for (least, most), figure in product(pairs, ("p50", "p99"))
        ),
        rounds=8,
        measure_s=2.0,
    )


PART = part()
