"""What a pop sends is written by the database: it must be what the struct says, to the byte."""

import json
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from queen.api.pop import DeliveryOut, written
from queen.core.looking import PopRequest
from queen.core.store import AckItem, NewMessage, PartitionName
from queen.settings import PushStrategy
from tests.messages import new_message

from .conftest import Queue, soon
from .delivered import messages

ODD = [
    "plain",
    "",
    'quotes " and \\ and / and \b\f\n\r\t',
    "".join(chr(code) for code in range(1, 32)) + "\x7f\x80\u2028\u2029",
    "\u05d0 \N{PILE OF POO} \ufdd0 \uffff %s %1$s {} '",
]
PAYLOADS = ['{ "a" : 1.00,\n\t"a":1e400 , "\\u0000":""}', '"\\/\N{PILE OF POO}"', "[ ]", "null", "-0"]
READ_TIME = (
    "select (messages || closing)::json ->> 'createdAt' from queen.pop($1, 'g', null, 1, 1, null, true)"
)
TRACE = UUID("0198aaaa-0000-7000-8000-00000000000f")


def items(partition: str) -> list[NewMessage]:
    """Messages with odd ids and odd payloads, some with a trace."""
    name = PartitionName('or"ders \N{PILE OF POO}', partition)
    return [
        new_message(name, payload, f"{number}{odd}", TRACE if number % 2 else None)
        for number, (odd, payload) in enumerate(zip(ODD, PAYLOADS, strict=True))
    ]


@pytest.mark.parametrize("auto_ack", [True, False])
async def test_the_answer_is_what_its_struct_says(queue: Queue, auto_ack: bool) -> None:
    for partition in ("p", 'q" \\ \n \u05d0'):
        await queue.pushers[PushStrategy.BATCH].push(items(partition), soon())
    request = PopRequest(
        'or"ders \N{PILE OF POO}', None, group='g"\\\n', batch=99, partitions=9, auto_ack=auto_ack
    )
    delivery = await queue.pop(request)
    assert delivery is not None and delivery.messages == 10
    body = written(request, delivery)
    said = msgspec.json.decode(body, type=DeliveryOut)
    assert msgspec.json.encode(said) == body, "no field more or less, none in another place"
    stored = await queue.sql(
        "select m.id, m.transaction_id, m.trace_id, m.created_at, p.uuid, p.name, m.payload::text"
        " from queen.messages m join queen.partitions p on p.id = m.partition_id order by p.id, m.position"
    )
    order = list(dict.fromkeys(message.partition for message in said.messages))
    stored.sort(key=lambda row: order.index(str(row[5])))
    assert [
        (
            message.id,
            message.transaction_id,
            message.trace_id,
            datetime.fromisoformat(message.created_at),
            message.partition_id,
            message.partition,
            bytes(message.data).decode(),
        )
        for message in said.messages
    ] == stored
    lease = "" if delivery.lease_id is None else str(delivery.lease_id)
    for message in said.messages:
        assert (message.lease_id, message.consumer_group) == (lease, 'g"\\\n')
        assert (message.retry_count, message.lease_expiries, message.producer_sub) == (0, 0, None)
    assert (said.success, said.queue, said.lease_id, said.consumer_group, said.partitions_claimed) == (
        True,
        request.queue,
        lease,
        request.group,
        2,
    )
    assert (said.partition, said.partition_id) == (order[0], said.messages[0].partition_id)
    json.loads(body)


@pytest.mark.parametrize("microsecond", [0, 1, 10, 120_000, 999_999])
async def test_a_time_has_six_digits_whatever_the_session_thinks(queue: Queue, microsecond: int) -> None:
    name = PartitionName("orders", "p")
    await queue.pushers[PushStrategy.BATCH].push([new_message(name, "1", "t")], soon())
    born = datetime(2026, 2, 3, 4, 5, 6, microsecond, tzinfo=UTC)
    await queue.sql("update queen.messages set created_at = $1", born)
    group = await queue.store.register_group("orders", "g", "all", None, soon())
    async with queue.pool.connection(soon()) as connection, connection.transaction():
        await connection.execute("set local timezone = 'Asia/Kathmandu'; set local datestyle = 'German'")
        text = await connection.fetchval(READ_TIME, group)
    assert text == f"2026-02-03T04:05:06.{microsecond:06}Z"


async def test_half_a_surrogate_pair_goes_out_as_it_came_in(queue: Queue) -> None:
    item = new_message(PartitionName("orders", "p"), r'"\ud800"', "t")
    await queue.pushers[PushStrategy.BATCH].push([item], soon())
    request = PopRequest("orders", "p")
    delivery = await queue.pop(request)
    assert delivery is not None
    assert rb'"data":"\ud800",' in written(request, delivery)


async def test_counts_stand_with_their_message(queue: Queue) -> None:
    """retryCount is the failed message's own, leaseExpiries that of all of the partition."""
    await queue.pushers[PushStrategy.BATCH].push(items("p"), soon())
    request = PopRequest('or"ders \N{PILE OF POO}', None, batch=99)
    first = await queue.pop(request)
    assert first is not None
    one, two, *_ = messages(first)
    acks = [
        AckItem(one.partition_id, one.transaction_id, "completed", str(first.lease_id)),
        AckItem(two.partition_id, two.transaction_id, "failed", str(first.lease_id)),
    ]
    await queue.ack(request.group, acks)
    await queue.pop(request)
    await queue.sql("update queen.cursors set lease_expires_at = now(), available_at = now()")
    again = messages(await queue.pop(request))
    assert [(message.retry_count, message.lease_expiries) for message in again] == [(1, 1), *[(0, 1)] * 3]
