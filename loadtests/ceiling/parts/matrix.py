"""Every batch with every number of clients: pushes, pops and acknowledged pops, by one worker and by two."""

from itertools import product

from loadtests.ceiling.cells.http_pop import HttpPop
from loadtests.ceiling.cells.http_push import HttpPush
from loadtests.ceiling.part import Part
from loadtests.ceiling.servers import ServerConfig
from loadtests.results import CeilingRatio

BATCHES, CLIENTS, WORKERS = (1, 10, 100, 1000), (1, 16, 64, 256), (1, 2)
FACTORS = tuple(product(BATCHES, CLIENTS))


def _cells(workers: int) -> tuple[HttpPush | HttpPop, ...]:
    writing, reading = ServerConfig(workers=workers), ServerConfig(workers=workers, role="read")
    return (
        *(HttpPush(writing, batch, clients) for batch, clients in FACTORS),
        *(HttpPop(reading, batch, clients) for batch, clients in FACTORS),
        *(HttpPop(reading, batch, clients, ack=True) for batch, clients in FACTORS),
    )


_ONE, _TWO = (_cells(workers) for workers in WORKERS)

PART = Part(
    name="matrix",
    help="every batch with every number of clients, for pushes and pops (3 to 4 minutes a round)",
    cells=(*_ONE, *_TWO),
    ratios=tuple(
        CeilingRatio(
            key=f"workers-{two.key}",
            label=f"1 worker / 2 workers: {two.described.label.rpartition(',')[0]}",
            of=one.key,
            base=(two.key,),
        )
        for one, two in zip(_ONE, _TWO, strict=True)
    ),
)
