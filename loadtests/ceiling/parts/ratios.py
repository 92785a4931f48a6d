"""The default part: our server beside what its own database can do, one ratio for each promise of speed."""

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

CLIENTS = 64
TWO, ONE = ServerConfig(), ServerConfig(workers=1)
TWO_READING, ONE_READING = ServerConfig(role="read"), ServerConfig(workers=1, role="read")
SMALL_POOL, LARGE_POOL = ServerConfig(workers=1, pool=4), ServerConfig(workers=1, pool=100)

# What the database can do: all writes go into the tables of the server with two workers.
INSERT_1 = DirectWrite(TWO, "insert", 1, connections=16)
FLUSH_100 = DirectWrite(TWO, "flush", 100)
INSERT_100 = DirectWrite(TWO, "insert", 100)
LARGE = (
    *(DirectWrite(TWO, "insert", rows) for rows in (1000, 2000, 4000)),
    *(DirectWrite(TWO, "flush", rows) for rows in (1000, 4000)),
)
COPY_1000 = DirectWrite(TWO, "copy", 1000)
PGBENCH = Pgbench(TWO, connections=16)
POP_STATEMENT_100, READ_100 = DirectPop(TWO_READING, rows=100), DirectRead(TWO_READING, rows=100)
COMMIT = Commit(TWO)
WRITES: tuple[Cell, ...] = (INSERT_1, FLUSH_100, INSERT_100, *LARGE, COPY_1000, PGBENCH)
READS: tuple[Cell, ...] = (POP_STATEMENT_100, READ_100)
RAW: tuple[Cell, ...] = (*WRITES, *READS, COMMIT, Fdatasync(), HttpGet(TWO, CLIENTS))

# What the server makes of it.
PUSH_1, PUSH_100 = HttpPush(TWO, 1, CLIENTS), HttpPush(TWO, 100, CLIENTS)
PUSH_1_BATCH = HttpPush(ServerConfig("batch"), 1, CLIENTS)
PUSH_100_BATCH = HttpPush(ServerConfig("batch"), 100, CLIENTS)
PUSH_100_SEQUENTIAL = HttpPush(ServerConfig("sequential"), 100, CLIENTS)
PUSH_100_LOCUST = HttpPush(TWO, 100, CLIENTS, generator="locust")
PUSH_100_UUID7 = HttpPush(TWO, 100, CLIENTS, ids="uuid7")
PUSH_100_RANDOM = HttpPush(TWO, 100, CLIENTS, ids="uuid4")
PUSH_1_ONE, PUSH_100_ONE = HttpPush(ONE, 1, CLIENTS), HttpPush(ONE, 100, CLIENTS)
PUSH_SMALL_POOL = HttpPush(SMALL_POOL, 100, CLIENTS)
PUSH_LARGE_POOL = HttpPush(LARGE_POOL, 100, CLIENTS)
POP_100, POP_100_ONE = HttpPop(TWO_READING, 100, CLIENTS), HttpPop(ONE_READING, 100, CLIENTS)
POP_ACK_100 = HttpPop(TWO_READING, 100, CLIENTS, ack=True)
POP_ACK_100_ONE = HttpPop(ONE_READING, 100, CLIENTS, ack=True)
END_TO_END = EndToEnd(TWO)
PUSHES: tuple[Cell, ...] = (
    PUSH_1,
    PUSH_100,
    PUSH_1_BATCH,
    PUSH_100_BATCH,
    PUSH_100_SEQUENTIAL,
    PUSH_100_LOCUST,
    PUSH_100_UUID7,
    PUSH_100_RANDOM,
    PUSH_1_ONE,
    PUSH_100_ONE,
    PUSH_SMALL_POOL,
    PUSH_LARGE_POOL,
)
POPS: tuple[Cell, ...] = (POP_100, POP_100_ONE, POP_ACK_100, POP_ACK_100_ONE)
SERVERS: tuple[Cell, ...] = (*PUSHES, *POPS, END_TO_END)

PART = Part(
    name="ratios",
    help="the server over what its database can do, promise by promise",
    takes="5 minutes",
    cells=(*RAW, *SERVERS),
    ratios=(
        CeilingRatio(
            key="push-flush",
            label="push ×100 / the flush statement, 100 rows",
            of=PUSH_100.key,
            base=(FLUSH_100.key,),
            wanted=1.0,
        ),
        CeilingRatio(
            key="push-best",
            label="push ×100 / the best statement of 1000 to 4000 rows",
            of=PUSH_100.key,
            base=tuple(cell.key for cell in LARGE),
            wanted=0.7,
        ),
        CeilingRatio(
            key="push-copy",
            label="push ×100 / COPY of 1000 rows",
            of=PUSH_100.key,
            base=(COPY_1000.key,),
        ),
        CeilingRatio(
            key="single-insert",
            label="push ×1 / single-row INSERTs, 16 connections",
            of=PUSH_1.key,
            base=(INSERT_1.key,),
            wanted=1.6,
        ),
        CeilingRatio(
            key="single-pgbench",
            label="push ×1 / single-row INSERTs by pgbench",
            of=PUSH_1.key,
            base=(PGBENCH.key,),
        ),
        CeilingRatio(
            key="coalesce-batch",
            label="coalesce / batch, push ×1",
            of=PUSH_1.key,
            base=(PUSH_1_BATCH.key,),
            wanted=2.5,
        ),
        CeilingRatio(
            key="batch-sequential",
            label="batch / sequential, push ×100",
            of=PUSH_100_BATCH.key,
            base=(PUSH_100_SEQUENTIAL.key,),
            wanted=3.0,
        ),
        CeilingRatio(
            key="pop-statement",
            label="pop autoAck ×100 / the pop statement directly",
            of=POP_100.key,
            base=(POP_STATEMENT_100.key,),
            wanted=0.7,
        ),
        CeilingRatio(
            key="pop-read",
            label="pop autoAck ×100 / a bare SELECT of the same rows",
            of=POP_100.key,
            base=(READ_100.key,),
        ),
        CeilingRatio(
            key="end-to-end",
            label="push to consumer, p99 / 10 ms or 3 bare commits",
            of=END_TO_END.key,
            base=(COMMIT.key,),
            times=3.0,
            floor=10.0,
            wanted=1.0,
            direction="at_most",
        ),
        CeilingRatio(
            key="pool-4-100",
            label="pool of 4 / pool of 100, push ×100, 1 worker",
            of=PUSH_SMALL_POOL.key,
            base=(PUSH_LARGE_POOL.key,),
            wanted=0.95,
        ),
        CeilingRatio(
            key="locust-wrk",
            label="Locust / wrk, push ×100",
            of=PUSH_100_LOCUST.key,
            base=(PUSH_100.key,),
            wanted=0.7,
        ),
        CeilingRatio(
            key="uuid7-counting",
            label="push ×100: UUIDv7 / ids that count",
            of=PUSH_100_UUID7.key,
            base=(PUSH_100.key,),
        ),
        CeilingRatio(
            key="random-counting",
            label="push ×100: random UUIDs / ids that count",
            of=PUSH_100_RANDOM.key,
            base=(PUSH_100.key,),
        ),
        CeilingRatio(
            key="one-push-flush",
            label="1 worker: push ×100 / the flush statement, 100 rows",
            of=PUSH_100_ONE.key,
            base=(FLUSH_100.key,),
        ),
        CeilingRatio(
            key="one-push-best",
            label="1 worker: push ×100 / the best statement of 1000 to 4000 rows",
            of=PUSH_100_ONE.key,
            base=tuple(cell.key for cell in LARGE),
        ),
        CeilingRatio(
            key="one-single-insert",
            label="1 worker: push ×1 / single-row INSERTs, 16 connections",
            of=PUSH_1_ONE.key,
            base=(INSERT_1.key,),
        ),
        CeilingRatio(
            key="one-pop-statement",
            label="1 worker: pop autoAck ×100 / the pop statement directly",
            of=POP_100_ONE.key,
            base=(POP_STATEMENT_100.key,),
        ),
        CeilingRatio(
            key="workers-push-1",
            label="1 worker / 2 workers: push ×1",
            of=PUSH_1_ONE.key,
            base=(PUSH_1.key,),
        ),
        CeilingRatio(
            key="workers-push-100",
            label="1 worker / 2 workers: push ×100",
            of=PUSH_100_ONE.key,
            base=(PUSH_100.key,),
        ),
        CeilingRatio(
            key="workers-pop-100",
            label="1 worker / 2 workers: pop ×100",
            of=POP_100_ONE.key,
            base=(POP_100.key,),
        ),
        CeilingRatio(
            key="workers-pop-ack-100",
            label="1 worker / 2 workers: pop, then ack ×100",
            of=POP_ACK_100_ONE.key,
            base=(POP_ACK_100.key,),
        ),
    ),
)
