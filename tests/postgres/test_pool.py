"""The pool: the guide's behaviour, in the guide's words."""

import asyncio
import os
import signal
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queen.core.deadline import Deadline
from queen.core.looking import PopRequest
from queen.core.store import AckItem, PartitionName
from queen.errors import DatabaseUnavailable, PoolTimeout
from queen.local.database import Database
from queen.observe.pool import PoolGauges
from queen.postgres.pool import open_pool
from queen.postgres.turns import Turns
from queen.settings import Settings
from tests.attempts import attempts, in_time
from tests.messages import new_message
from tests.waiting import until

from .conftest import open_queue, settings_for, soon
from .delivered import messages


async def test_a_pool_that_is_busy_too_long_gives_the_guides_error(database: Database) -> None:
    settings = settings_for(database, db_pool_size=1, db_connection_timeout=50)
    gauges = PoolGauges(1)
    async with open_pool(settings, gauges) as pool:
        async with pool.connection(soon()):
            with pytest.raises(PoolTimeout) as raised:
                async with pool.connection(soon()):
                    pass
        assert str(raised.value) == "timeout exceeded when trying to connect"
        assert (raised.value.status, raised.value.code) == (503, "pool_timeout")
        async with pool.connection(soon()):
            pass
    reading = gauges.read()
    assert (reading.timeouts, reading.acquires, reading.connects, reading.waiting_count) == (1, 2, 1, 0)


async def test_the_requests_deadline_binds_when_it_is_sooner(database: Database) -> None:
    settings = settings_for(database, db_pool_size=1, db_connection_timeout=60_000)
    async with open_pool(settings, PoolGauges(1)) as pool, pool.connection(soon()):
        async with asyncio.timeout(10):
            with pytest.raises(PoolTimeout):
                async with pool.connection(Deadline.after_ms(30)):
                    pass


async def test_first_come_first_served(database: Database) -> None:
    order: list[int] = []
    async with open_pool(settings_for(database, db_pool_size=2), PoolGauges(2)) as pool:

        async def ask(number: int) -> None:
            async with pool.connection(soon()) as connection:
                order.append(number)
                await connection.fetchval("select pg_sleep(0.002)")

        async with pool.connection(soon()), pool.connection(soon()):
            pass  # both connections are open: opening one takes as long as it takes
        async with asyncio.TaskGroup() as group:
            for number in range(40):
                group.create_task(ask(number))
    assert order == list(range(40))


async def test_idle_connections_are_closed(database: Database) -> None:
    gauges = PoolGauges(3)
    settings = settings_for(database, db_pool_size=3, db_idle_timeout=50)
    async with open_pool(settings, gauges) as pool:
        async with pool.connection(soon()), pool.connection(soon()), pool.connection(soon()):
            assert gauges.read().total_count == 3
        await until(lambda: gauges.read().total_count == 0)
        assert gauges.read().idle_count == 0


async def test_an_idle_timeout_of_0_closes_none(database: Database) -> None:
    gauges = PoolGauges(2)
    async with open_pool(settings_for(database, db_pool_size=2, db_idle_timeout=0), gauges) as pool:
        for _ in range(3):
            async with pool.connection(soon()), pool.connection(soon()):
                pass
            await asyncio.sleep(0.05)
        assert (gauges.read().total_count, gauges.read().connects) == (2, 2)


async def test_what_is_too_many_rests_and_is_closed_while_the_others_work(database: Database) -> None:
    """The last one given back is taken first, so a lighter load does not keep all of them open."""
    settings = settings_for(database, db_pool_size=3, db_idle_timeout=200)
    for attempt in attempts():
        gauges, backends, rested_s = PoolGauges(3), set(), [0.0]
        with attempt:
            async with open_pool(settings, gauges) as pool:
                async with pool.connection(soon()), pool.connection(soon()), pool.connection(soon()):
                    pass
                async with asyncio.timeout(10):
                    while gauges.read().total_count > 1:
                        resting_s = time.perf_counter()
                        async with pool.connection(soon()) as connection:
                            rested_s.append(time.perf_counter() - resting_s)
                            backends.add(await connection.fetchval("select pg_backend_pid()"))
                            resting_s = time.perf_counter()
                        await asyncio.sleep(0.01)
                        rested_s.append(time.perf_counter() - resting_s)
            in_time(max(rested_s), 0.2)  # or the one that works was closed, too
            assert len(backends) == 1
            assert gauges.read().connects == 3


async def test_one_that_broke_while_it_rested_is_not_lent(database: Database) -> None:
    gauges = PoolGauges(2)
    async with open_pool(settings_for(database, db_pool_size=2), gauges) as pool:
        async with pool.connection(soon()), pool.connection(soon()) as given_back_first:
            backend = await given_back_first.fetchval("select pg_backend_pid()")
        async with pool.connection(soon()) as other:
            await other.fetchval("select pg_terminate_backend($1, 5000)", backend)
            await until(lambda: gauges.read().total_count == 1)
            async with pool.connection(soon()) as fresh:
                assert await fresh.fetchval("select 1") == 1
        assert (gauges.read().lost, gauges.read().connects) == (0, 3)


async def test_a_connection_whose_statement_was_cut_off_is_fit_again(database: Database) -> None:
    async with open_pool(settings_for(database, db_pool_size=1), PoolGauges(1)) as pool:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with pool.connection(soon()) as connection:
                    await connection.fetchval("select pg_sleep(60)", timeout=0.02)
            async with pool.connection(soon()) as connection:
                assert await connection.fetchval("select 1") == 1


async def test_closing_leaves_no_connection(database: Database) -> None:
    open_ones = """
        select count(*) from pg_stat_activity
        where application_name = 'queen' and datname = current_database() and pid <> pg_backend_pid()
    """
    settings = settings_for(database, db_pool_size=3)
    async with open_pool(settings, PoolGauges(3)) as watching, watching.connection(soon()) as connection:
        async with open_pool(settings, PoolGauges(3)) as pool:
            async with pool.connection(soon()), pool.connection(soon()):
                assert await connection.fetchval(open_ones) == 2
            assert await connection.fetchval(open_ones) == 2
        async with asyncio.timeout(10):
            while await connection.fetchval(open_ones):
                pass


async def test_no_statement_of_ours_leaves_session_state(database: Database) -> None:
    """Why the reset on release can be a no-op: after every operation there is nothing to reset."""
    state = """
        select (select array_agg(name || '=' || setting) from pg_settings where setting <> reset_val),
               (select count(*) from pg_listening_channels()),
               (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()),
               (select count(*) from pg_cursors where name <> ''),
               (select count(*) from pg_class where relpersistence = 't')
    """
    async with open_queue(settings_for(database, db_pool_size=1)) as queue:
        [before] = await queue.sql(state)
        for pusher in queue.pushers.values():
            await pusher.push([new_message(PartitionName("q", "p"), "1")], soon())
        delivery = await queue.pop(PopRequest("q", None))
        assert delivery is not None
        message = messages(delivery)[0]
        item = AckItem(message.partition_id, message.transaction_id, "completed", "")
        await queue.ack("__QUEUE_MODE__", [item])
        assert queue.gauges.read().connects == 1
        assert await queue.sql(state) == [before]


async def test_a_connection_that_breaks_is_replaced_and_counted(database: Database) -> None:
    gauges = PoolGauges(1)
    async with open_pool(settings_for(database, db_pool_size=1), gauges) as pool:
        with pytest.raises(Exception, match=r"terminating connection|closed"):
            async with pool.connection(soon()) as connection:
                await connection.fetchval("select pg_terminate_backend(pg_backend_pid())")
        async with pool.connection(soon()) as connection:
            assert await connection.fetchval("select 1") == 1
        reading = gauges.read()
        assert (reading.lost, reading.connects, reading.total_count) == (1, 2, 1)


async def test_a_reset_that_fails_does_not_undo_what_was_done(database: Database) -> None:
    gauges = PoolGauges(1)
    async with open_pool(settings_for(database, db_pool_size=1, db_pool_reset=True), gauges) as pool:
        async with pool.connection(soon()) as connection:
            os.kill(await connection.fetchval("select pg_backend_pid()"), signal.SIGTERM)
        assert (gauges.read().lost, gauges.read().total_count) == (1, 0)
        async with pool.connection(soon()) as connection:
            assert await connection.fetchval("select 1") == 1
        assert (gauges.read().total_count, gauges.read().idle_count) == (1, 1)


async def test_no_database_is_said_in_one_line(unused_tcp_port: int) -> None:
    settings = Settings(pg_host="127.0.0.1", pg_port=unused_tcp_port)
    async with open_pool(settings, PoolGauges(1)) as pool:
        with pytest.raises(DatabaseUnavailable, match="database unavailable: ") as raised:
            async with pool.connection(soon()):
                pass
    assert "\n" not in str(raised.value)


@given(st.lists(st.sampled_from(["take", "give", "cancel"]), max_size=40), st.integers(1, 4))
async def test_turns_are_never_lost_or_made(course: list[str], size: int) -> None:
    """Whatever is taken, cancelled and given back: as many turns as there were, in the order of asking."""
    turns = Turns(size)
    asked: list[asyncio.Task[None]] = []
    held = 0
    for step in course:
        if step == "take":
            asked.append(asyncio.create_task(turns.take(60)))
        elif step == "give" and held:
            turns.give_back()
            held -= 1
        elif step == "cancel" and asked:
            asked.pop(len(asked) // 2).cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        served = [task for task in asked if task.done()]
        assert served == asked[: len(served)]
        held += len(served)
        asked = asked[len(served) :]
        assert held <= size
        assert not asked or held == size
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    for _ in range(held):
        turns.give_back()
    for _ in range(size):
        await turns.take(0.01)
    with pytest.raises(TimeoutError):
        await turns.take(0.001)
