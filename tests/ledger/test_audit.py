"""The audit finds each planted fault on real PostgreSQL, and nothing in a sound table."""

import time
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Iterable

import pytest

from loadtests.ledger.audit import STORED_SQL, audit
from loadtests.load.consuming.taking import PoppedMessage, stretches
from loadtests.results import Accounting, Ledger, ProducerLedger, transaction_id, which
from queen.local.database import Database
from queen.local.open_database import Connection
from tests.databases import connected

TAG, QUEUE, BATCH = "t1", "bench", 10
TABLES = """
create schema queen;
create table queen.queues (id bigint primary key, name text unique);
create table queen.partitions (id bigint primary key, queue_id bigint, name text);
create table queen.messages (
    id uuid default gen_random_uuid(), transaction_id text, queue_id bigint, partition_id bigint,
    position bigint, payload json default '{}', created_at timestamptz default now(),
    primary key (partition_id, position));
insert into queen.queues values (1, 'bench'), (2, 'other');
insert into queen.partitions select id, 1, 'p' || id from generate_series(0, 9) id;
insert into queen.partitions values (100, 2, 'p0');
"""


@pytest.fixture
async def connection(each_database: Database) -> AsyncIterator[Connection]:
    async with connected(each_database) as made:
        await made.execute(TABLES)
        yield made


async def store(connection: Connection, partition: int, ids: Iterable[str], queue: int = 1) -> None:
    """Append messages to a partition's log, in the order given."""
    await connection.execute(
        """insert into queen.messages (transaction_id, queue_id, partition_id, position)
        select id, $2, $3,
               coalesce((select max(position) from queen.messages where partition_id = $3), 0) + place
        from unnest($1::text[]) with ordinality t (id, place)""",
        list(ids),
        queue,
        partition,
    )


def ids(producer: int, sequences: Iterable[int]) -> list[str]:
    return [transaction_id(TAG, producer, sequence) for sequence in sequences]


def ledger(*producers: ProducerLedger) -> Ledger:
    return Ledger(run_tag=TAG, queue=QUEUE, producers=producers)


def acknowledged(producer: int, last: int) -> ProducerLedger:
    return ProducerLedger(producer=producer, partition=f"p{producer}", acknowledged=((0, last),))


async def test_a_sound_table_holds(connection: Connection) -> None:
    await store(connection, 0, ids(0, range(100)))
    await store(connection, 1, ids(1, range(50)))
    found = await audit(connection, ledger(acknowledged(0, 99), acknowledged(1, 49)))
    assert found == Accounting(
        acknowledged=150,
        stored=150,
        unknown=0,
        unknown_stored=0,
        lost=0,
        duplicated=0,
        unexplained=0,
        out_of_order=0,
    )
    assert found.holds


async def test_producers_that_share_a_partition_are_told_apart(connection: Connection) -> None:
    mixed = [each for pair in zip(ids(0, range(40)), ids(1, range(40)), strict=True) for each in pair]
    await store(connection, 0, mixed)
    both = ledger(acknowledged(0, 39), ProducerLedger(producer=1, partition="p0", acknowledged=((0, 39),)))
    assert (await audit(connection, both)).holds


async def test_one_lost_message_is_found(connection: Connection) -> None:
    await store(connection, 0, ids(0, [n for n in range(100) if n != 41]))
    found = await audit(connection, ledger(acknowledged(0, 99)))
    assert (found.lost, found.duplicated, found.unexplained, found.out_of_order) == (1, 0, 0, 0)
    assert which("lost", found.faulty) == " (producer 0 in p0: 41)"


async def test_a_producer_whose_partition_is_empty_lost_everything(connection: Connection) -> None:
    assert (await audit(connection, ledger(acknowledged(3, 9)))).lost == 10


async def test_one_message_stored_twice_is_found(connection: Connection) -> None:
    await store(connection, 0, ids(0, [*range(60), 59, *range(60, 100)]))
    found = await audit(connection, ledger(acknowledged(0, 99)))
    assert (found.lost, found.duplicated, found.unexplained, found.out_of_order) == (0, 1, 0, 0)


async def test_a_message_that_was_refused_or_never_issued_is_unexplained(connection: Connection) -> None:
    await store(connection, 0, ids(0, range(101)))
    found = await audit(connection, ledger(acknowledged(0, 99)))
    assert (found.lost, found.duplicated, found.unexplained, found.out_of_order) == (0, 0, 1, 0)


async def test_a_message_of_no_producer_or_in_the_wrong_partition_is_unexplained(
    connection: Connection,
) -> None:
    await store(connection, 0, ["", "t1-", "someone-else", "t1-0-x", *ids(0, range(10)), *ids(7, [0])])
    await store(connection, 100, ids(0, range(10)), queue=2)  # another queue is not ours to judge
    found = await audit(connection, ledger(acknowledged(0, 9)))
    assert (found.stored, found.lost, found.duplicated, found.unexplained) == (15, 0, 0, 5)


async def test_the_table_and_a_reader_tell_the_same_messages_from_those_of_others(
    connection: Connection,
) -> None:
    tails = ("0-0", "0-10", "10-0", "00-0", "0-00", "0-01", "01-1", "-1", "1-", "1-1-1", "1-x", "1--1", "12")
    long = (f"1-{'9' * 17}", f"1-{'9' * 18}", f"123-{'9' * 15}", f"1234-{'9' * 15}")
    found = [f"{tag}-{tail}" for tag in (TAG, "t2", "T1") for tail in (*tails, *long)]
    await store(connection, 0, found)
    rows = await connection.fetch(STORED_SQL, QUEUE, TAG)
    of_table = Counter((row["producer"], row["first"]) for row in rows)
    read = stretches([PoppedMessage(each, "id", partition="p0") for each in found], TAG)
    assert of_table == Counter((stretch.producer, stretch.first) for stretch in read)
    assert len(of_table) == 1 + 5  # those of others, and 0-0, 0-10, 10-0 and two of the long ones


async def test_one_swapped_pair_is_found(connection: Connection) -> None:
    await store(connection, 0, ids(0, [*range(40), 41, 40, *range(42, 100)]))
    found = await audit(connection, ledger(acknowledged(0, 99)))
    assert (found.lost, found.duplicated, found.unexplained, found.out_of_order) == (0, 0, 0, 1)
    assert found.faults == ("1 out of order (producer 0 in p0: 41 before 40)",)


async def test_pushes_in_flight_together_may_overtake_but_not_within(connection: Connection) -> None:
    await store(connection, 0, ids(0, [*range(10, 20), *range(10), *range(20, 30)]))
    account = ledger(acknowledged(0, 29))
    assert (await audit(connection, account)).out_of_order == 10
    assert (await audit(connection, account, order_scope=BATCH)).holds
    await store(connection, 0, ids(0, [30, 32, 31, *range(33, 40)]))
    assert (await audit(connection, ledger(acknowledged(0, 39)), order_scope=BATCH)).out_of_order == 1


async def test_unknown_outcomes_may_be_stored_or_not_and_late(connection: Connection) -> None:
    await store(connection, 0, ids(0, [*range(10), *range(20, 30), *range(10, 15)]))
    account = ledger(
        ProducerLedger(producer=0, partition="p0", acknowledged=((0, 9), (20, 29)), unknown=((10, 19),))
    )
    found = await audit(connection, account)
    assert found.holds
    assert (found.unknown, found.unknown_stored) == (10, 5)


@pytest.mark.parametrize(("overtaking", "most"), [(False, 20_000), (True, 3_000)])
async def test_memory_does_not_grow_with_the_messages(
    connection: Connection, overtaking: bool, most: int
) -> None:
    """Ten producers of an open loop push single messages to one partition, several of each in flight."""
    peaks = []
    for each in (500, most):
        await connection.execute("truncate queen.messages")
        sequences = [n ^ 1 for n in range(each)] if overtaking else range(each)
        await store(connection, 0, (one for n in sequences for p in range(10) for one in ids(p, [n])))
        account = ledger(
            *(
                ProducerLedger(producer=producer, partition="p0", acknowledged=((0, each - 1),))
                for producer in range(10)
            )
        )
        tracemalloc.start()
        found = await audit(connection, account, order_scope=1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert found.holds
        assert found.stored == 10 * each
    assert peaks[1] < peaks[0] + 500_000, f"peaks of {peaks} bytes"


async def test_an_audit_that_takes_too_long_says_so_and_leaves_the_connection_usable(
    connection: Connection, each_database: Database
) -> None:
    async with connected(each_database) as other, other.transaction():
        await other.execute("lock table queen.messages")
        with pytest.raises(TimeoutError, match=r"took longer than 0\.2 s"):
            await audit(connection, ledger(), timeout_s=0.2)
    assert (await audit(connection, ledger())).holds


async def test_a_hundred_thousand_messages_are_audited_in_one_pass(connection: Connection) -> None:
    for producer in range(10):
        await store(connection, producer, ids(producer, range(10_000)))
    account = ledger(*(acknowledged(producer, 9_999) for producer in range(10)))
    started_s = time.perf_counter()
    found = await audit(connection, account)
    assert found.holds
    assert found.stored == 100_000
    assert time.perf_counter() - started_s < 5, "a scan for each message takes minutes"
