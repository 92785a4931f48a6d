"""Every batch with every number of clients, by one worker and by two, beside what the database can do."""

from itertools import product

from loadtests.ceiling.cells.commit import Commit
from loadtests.ceiling.cells.direct import DirectWrite
from loadtests.ceiling.cells.direct_pop import DirectPop
from loadtests.ceiling.cells.direct_read import DirectRead
from loadtests.ceiling.cells.disk import Fdatasync
from loadtests.ceiling.cells.end_to_end import EndToEnd
from loadtests.ceiling.cells.http_get import HttpGet
from loadtests.ceiling.cells.http_pop import HttpPop
from loadtests.ceiling.cells.http_push import HttpPush
from loadtests.ceiling.cells.pgbench import Pgbench
from loadtests.ceiling.part import Cell, Part
from loadtests.ceiling.servers import ServerConfig
from loadtests.results import CeilingRatio

BATCHES, CLIENTS, WORKERS = (1, 10, 100, 1000), (1, 16, 64, 256), (1, 2)
FACTORS = tuple(product(BATCHES, CLIENTS))
MANY_CLIENTS = 64  # of what is measured with one number of clients
WRITING = {workers: ServerConfig(workers=workers) for workers in WORKERS}
READING = {workers: ServerConfig(workers=workers, role="read") for workers in WORKERS}


def _cells(workers: int) -> tuple[HttpPush | HttpPop, ...]:
    writing, reading = WRITING[workers], READING[workers]
    return (
        *(HttpPush(writing, batch, clients) for batch, clients in FACTORS),
        *(HttpPop(reading, batch, clients) for batch, clients in FACTORS),
        *(HttpPop(reading, batch, clients, ack=True) for batch, clients in FACTORS),
    )


_ONE, _TWO = (_cells(workers) for workers in WORKERS)
_TABLE, _READ_TABLE = WRITING[2], READING[2]
INSERTS = tuple(DirectWrite(_TABLE, "insert", 1, connections) for connections in (1, 4, 16))
FLUSHES = {batch: DirectWrite(_TABLE, "flush", batch) for batch in BATCHES}
RAW: tuple[Cell, ...] = (
    *INSERTS,
    *FLUSHES.values(),
    *(DirectWrite(_TABLE, "insert", rows) for rows in (100, 1000, 4000)),
    DirectWrite(_TABLE, "copy", 1000),
    Pgbench(_TABLE, connections=16),
    DirectPop(_READ_TABLE, rows=100),
    DirectRead(_READ_TABLE, rows=100),
    Commit(_TABLE),
    Fdatasync(),
    *(HttpGet(config, MANY_CLIENTS) for config in WRITING.values()),
)
LOCUST = {batch: HttpPush(_TABLE, batch, MANY_CLIENTS, generator="locust") for batch in BATCHES}
WRK = {batch: HttpPush(_TABLE, batch, MANY_CLIENTS) for batch in BATCHES}  # these are among _TWO
END_TO_END = tuple(EndToEnd(config) for config in WRITING.values())

PART = Part(
    name="matrix",
    help="every batch with every number of clients, and all ceilings",
    takes="10 minutes",
    cells=(*RAW, *_ONE, *_TWO, *LOCUST.values(), *END_TO_END),
    ratios=(
        *(
            CeilingRatio(
                key=f"push-flush-{batch}",
                label=f"push ×{batch}, {MANY_CLIENTS} clients / the flush statement of as many rows",
                of=WRK[batch].key,
                base=(FLUSHES[batch].key,),
            )
            for batch in BATCHES
        ),
        *(
            CeilingRatio(
                key=f"locust-wrk-{batch}",
                label=f"Locust / wrk, push ×{batch}, {MANY_CLIENTS} clients",
                of=LOCUST[batch].key,
                base=(WRK[batch].key,),
            )
            for batch in BATCHES
        ),
        *(
            CeilingRatio(
                key=f"workers-{two.key}",
                label=f"1 worker / 2 workers: {two.described.label.rpartition(',')[0]}",
                of=one.key,
                base=(two.key,),
            )
            for one, two in zip(_ONE, _TWO, strict=True)
        ),
    ),
    rounds=3,
    measure_s=0.7,
)
