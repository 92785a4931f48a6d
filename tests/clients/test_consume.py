"""Consumers: every message handled once, in the order of its partition."""

import pytest

from tests.clients.published import Plays


async def test_concurrent_workers_handle_every_message_once_and_in_order(play: Plays) -> None:
    concurrently = play("consume", "concurrently")
    by_partition: dict[int, list[int]] = {}
    for partition, n in concurrently.report["handled"]:
        by_partition.setdefault(partition, []).append(n)
    assert by_partition == {partition: list(range(15)) for partition in range(6)}
    assert await concurrently.queue.pop(100) == []


async def test_a_handler_of_single_messages_stops_at_its_limit(play: Plays) -> None:
    single = play("consume", "single_messages")
    assert single.report == {"handled": [0, 1, 2]}
    assert [message.data for message in await single.queue.pop(10)] == [3, 4]


async def test_each_message_of_a_batch_is_acked_by_itself(play: Plays) -> None:
    each = play("consume", "each")
    assert each.report == {"handled": [0, 1, 2, 3, 4]}
    assert await each.queue.pop(10) == []


async def test_without_automatic_acks_only_what_was_acked_is_done(play: Plays) -> None:
    without = play("consume", "without_acks")
    assert without.report == {"handled": [0, 1], "acked": True}
    answer = await without.queue.client.get("/api/v1/consumer-groups/by-hand")
    [partition] = answer.json[without.queue.name]["partitions"]
    assert (partition["offsetLag"], partition["leaseActive"]) == (1, True)


def test_an_idle_consumer_ends_when_it_was_told_to(play: Plays) -> None:
    assert play("consume", "until_idle").report == {"handled": [1]}


async def test_the_consumer_of_the_readme_handles_every_message_once(play: Plays) -> None:
    plain = play("consume", "as_in_the_readme")
    assert plain.report == {"handled": [0, 1, 2, 3, 4]}
    assert await plain.queue.pop(10) == []


async def test_a_consumer_may_gather_its_batches_from_many_partitions(play: Plays) -> None:
    many = play("consume", "many_partitions")
    first, second = many.report["batches"]
    assert (len(first), len(second)) == (4, 4)
    assert sorted(first + second) == list(range(8))
    assert await many.queue.pop(10) == []


@pytest.mark.parametrize("published", ["2.6.0"], indirect=True)
async def test_a_consumer_works_without_the_supervision_that_it_asked_for(play: Plays) -> None:
    supervised = play("consume", "supervised")
    assert supervised.report == {"handled": [1]}
    assert await supervised.queue.pop() == []
