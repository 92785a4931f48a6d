"""The audit finds each planted fault on real PostgreSQL, and nothing in a sound table."""

import time
from collections.abc import AsyncIterator, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.ledger.audit import audit
from loadtests.ledger.law import WHOLE_PRODUCER, Stretch, compare, scope_of_order
from loadtests.results import Accounting, Cell, Ledger, ProducerLedger, transaction_id
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


async def test_one_swapped_pair_is_found(connection: Connection) -> None:
    await store(connection, 0, ids(0, [*range(40), 41, 40, *range(42, 100)]))
    found = await audit(connection, ledger(acknowledged(0, 99)))
    assert (found.lost, found.duplicated, found.unexplained, found.out_of_order) == (0, 0, 0, 1)


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


async def test_a_hundred_thousand_messages_are_audited_in_one_pass(connection: Connection) -> None:
    for producer in range(10):
        await store(connection, producer, ids(producer, range(10_000)))
    account = ledger(*(acknowledged(producer, 9_999) for producer in range(10)))
    started_s = time.perf_counter()
    found = await audit(connection, account)
    assert found.holds
    assert found.stored == 100_000
    assert time.perf_counter() - started_s < 5, "a scan for each message takes minutes"


def stretches_of(log: list[int]) -> list[Stretch]:
    """What the query gives for one producer's log."""
    stretches: list[Stretch] = []
    for sequence in log:
        if stretches and stretches[-1].last + 1 == sequence:
            stretches[-1] = Stretch("p0", 0, stretches[-1].first, sequence)
        else:
            stretches.append(Stretch("p0", 0, sequence, sequence))
    return stretches


@given(st.lists(st.integers(0, 12), max_size=14), st.sets(st.integers(0, 12)), st.sets(st.integers(0, 12)))
def test_counts_agree_with_counting_message_by_message(
    log: list[int], acked: set[int], unsure: set[int]
) -> None:
    unsure -= acked
    producer = ProducerLedger(
        producer=0,
        partition="p0",
        acknowledged=tuple((n, n) for n in acked),
        unknown=tuple((n, n) for n in unsure),
    )
    found = compare(ledger(producer), stretches_of(log))
    stored = set(log)
    assert found.stored == len(log)
    assert found.lost == len(acked - stored)
    assert found.duplicated == len(log) - len(stored)
    assert found.unexplained == len(stored - acked - unsure)
    assert found.unknown_stored == len(unsure & stored)
    in_order = [n for n in log if n in acked]
    assert found.out_of_order == sum(any(m < n for m in in_order[i:]) for i, n in enumerate(in_order))


def test_an_open_loop_is_in_order_within_a_push_and_a_closed_one_throughout() -> None:
    assert scope_of_order(Cell(loop="open", batch=10)) == 10
    assert scope_of_order(Cell(loop="closed", batch=10)) == WHOLE_PRODUCER


def test_of_a_producer_that_was_lost_what_it_did_last_is_not_known_and_not_guessed() -> None:
    heard = ProducerLedger(
        producer=0, partition="p0", acknowledged=((0, 9),), refused=((10, 14),), unheard=True
    )
    stored = stretches_of([0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 16, 12])  # 9 is missing, 12 was refused
    found = compare(ledger(heard, acknowledged(1, 0)), [*stored, Stretch("p1", 1, 0, 1)])
    assert (found.lost, found.duplicated) == (1, 1)  # certain, whatever it did last
    assert (found.unheard_producers, found.unheard_stored) == (1, 2)
    assert found.unexplained == 2  # 12, and what producer 1 never issued
    assert not found.complete
    assert not found.holds


def test_a_producer_that_was_lost_before_it_was_heard_of_is_unknown_and_not_unexplained() -> None:
    stored = [Stretch("p0", 0, 0, 4), Stretch("p1", 150, 0, 9), Stretch("p2", 300, 0, 1)]
    whole = Ledger(run_tag=TAG, queue=QUEUE, producers=(acknowledged(0, 4),), lost=((100, 199),))
    found = compare(whole, stored)
    assert (found.unheard_producers, found.unheard_stored) == (1, 10)
    assert found.unexplained == 2  # of the third: its process was there to the end
    assert not compare(whole, stored[:1]).complete  # nobody knows whether it had anything acknowledged
