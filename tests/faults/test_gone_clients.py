"""Clients that go away, and answers that get lost: all or nothing is stored, once, and nobody waits for them.

Each promise is tried with every way to store a push.
"""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from queen.local.database import Database
from queen.local.server import QueenServer
from queen.settings import PushStrategy
from tests.conformance import figures
from tests.conformance.client import Client, Queue, ids
from tests.databases import WAIT_FOR_A_LOCK, connected
from tests.waiting import DEADLINE_S, until

from .line import BROKEN
from .relay import lossy_relay
from .serving import gauge
from .table import read_table

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG_S = 60
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: closing resets the connection (socket(7))
MANY = 200  # messages of one push
CURSORS = "select from queen.cursors for update"


@pytest.fixture(params=PushStrategy, ids=lambda each: each.value)
def strategy(request: pytest.FixtureRequest) -> PushStrategy:
    chosen: PushStrategy = request.param
    return chosen


@pytest.fixture
def orders(server: QueenServer, queue: str) -> Queue:
    return Queue(Client.of(server.url), queue)


@asynccontextmanager
async def raw(server: QueenServer) -> AsyncIterator[asyncio.StreamWriter]:
    """A connection that is reset at the end, whatever is on its way."""
    place = urlsplit(server.url)
    _, writer = await asyncio.open_connection(place.hostname, place.port)
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    try:
        yield writer
    finally:
        writer.transport.abort()


def request_of(orders: Queue, *transaction_ids: str) -> tuple[bytes, bytes]:
    """Head and body of a push."""
    body = json.dumps({"items": [orders.message(each) for each in transaction_ids]}).encode()
    fields = f"Host: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"POST /api/v1/push HTTP/1.1\r\n{fields}\r\n\r\n".encode(), body


async def stored(database: Database, orders: Queue) -> list[str]:
    return [message.transaction_id for message in (await read_table(database, orders.name)).messages]


async def nobody_is_connected(server: QueenServer) -> bool:
    """Nobody but us, who ask."""
    metrics = await figures.metrics(Client.of(server.url))
    return bool(metrics["connections"]["open"] == 1)


async def test_a_push_whose_answer_was_lost_is_a_duplicate_when_it_is_tried_again(
    server: QueenServer, database: Database, orders: Queue
) -> None:
    async with lossy_relay(server.url) as relay:
        orders = Queue(Client.of(relay.url), orders.name)
        relay.losing = 2
        for _ in range(2):
            with pytest.raises(BROKEN):
                await orders.push("a", "b")
        assert [pushed.status for pushed in await orders.push("a", "b")] == ["duplicate", "duplicate"]
    assert await stored(database, orders) == ["a", "b"]


async def test_an_ack_whose_answer_was_lost_changes_nothing_when_it_is_tried_again(
    server: QueenServer, database: Database, orders: Queue
) -> None:
    async with lossy_relay(server.url) as relay:
        orders = Queue(Client.of(relay.url), orders.name)
        await orders.push("a", "b")
        messages = await orders.pop(2)
        relay.losing = 1
        items = [
            {"transactionId": each.transaction_id, "partitionId": each.partition_id, "leaseId": each.lease_id}
            for each in messages
        ]
        with pytest.raises(BROKEN):
            await orders.client.ack(*items)
        assert [(acked.success, acked.noop) for acked in await orders.client.ack(*items)] == [
            (True, True)
        ] * 2
        assert await orders.pop() == []


async def test_a_push_that_breaks_off_in_its_body_stores_nothing(
    server: QueenServer, database: Database, orders: Queue
) -> None:
    head, body = request_of(orders, "a", "b")
    for length in (0, 1, len(body) // 2, len(body) - 1):
        async with raw(server) as writer:
            writer.write(head + body[:length])
            await writer.drain()
    await until(lambda: nobody_is_connected(server))
    assert await stored(database, orders) == []


async def test_a_client_that_goes_while_its_push_is_stored_leaves_all_of_it_or_nothing(
    server: QueenServer, database: Database, orders: Queue
) -> None:
    """It goes at once, or a little later each time, while the many messages of its push are being stored."""
    pushes = [tuple(f"{number}-{each}" for each in range(MANY)) for number in range(6)]
    for number, push in enumerate(pushes):
        async with raw(server) as writer:
            writer.write(b"".join(request_of(orders, *push)))
            await writer.drain()
            await asyncio.sleep(number * 0.002)
    answers = [await orders.push(*push) for push in pushes]
    statuses = [{pushed.status for pushed in answer} for answer in answers]
    assert all(len(each) == 1 for each in statuses), statuses
    assert sorted(await stored(database, orders)) == sorted(each for push in pushes for each in push)


async def test_a_client_that_goes_in_a_long_poll_waits_no_more(server: QueenServer, orders: Queue) -> None:
    async with asyncio.TaskGroup() as group:
        polls = [
            group.create_task(orders.pop_answer(wait=True, timeout=LONG_S * 1000, consumerGroup=f"g{number}"))
            for number in range(6)
        ]
        await until(lambda: gauge(server, "parkedPolls", 6))
        for poll in polls:
            poll.cancel()
        await until(lambda: gauge(server, "parkedPolls", 0))


async def test_a_client_that_goes_while_messages_are_claimed_for_it_keeps_no_lease(
    server: QueenServer, database: Database, orders: Queue
) -> None:
    """The claim waits for a lock while the client goes; a minute's lease would hold the message otherwise."""
    await orders.configure(leaseTime=LONG_S)
    assert await orders.pop(partition="Default") == []
    await orders.push("a")
    async with connected(database) as blocker, connected(database) as observer, blocker.transaction():
        await blocker.fetch(CURSORS)
        async with raw(server) as writer:
            writer.write(f"GET {orders.pop_path('Default')} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            await until(lambda: observer.fetch(WAIT_FOR_A_LOCK))
        await until(lambda: nobody_is_connected(server))
    async with asyncio.timeout(DEADLINE_S):
        assert ids(await orders.pop(partition="Default", wait=True, timeout=LONG_S * 1000)) == ["a"]
