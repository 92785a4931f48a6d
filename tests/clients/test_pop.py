"""What a pop brings: at once after a push, as soon as there is something, from several partitions."""

from statistics import median

import pytest

from tests.clients.published import Plays

SOON_S = 0.4  # without a wake-up the poll looks by itself a second after it was parked


async def test_a_message_has_the_fields_that_the_clients_document(play: Plays) -> None:
    one = play("pop", "one")
    message = one.report["message"]
    assert one.report["acked"]
    assert (message["transactionId"], message["data"]) == ("t", {"n": 1})
    assert (message["partition"], message["consumerGroup"]) == ("user-1", "__QUEUE_MODE__")
    assert {"id", "partitionId", "leaseId", "createdAt", "traceId", "producerSub"} <= message.keys()
    assert await one.queue.pop() == []


def test_a_pop_right_after_a_push_sees_the_message(play: Plays) -> None:
    report = play("pop", "right_after_push").report
    assert report["seen"] == [[n] for n in range(12)]


def test_a_pop_that_waits_gets_what_is_pushed_meanwhile(play: Plays) -> None:
    report = play("waiting", "pop").report
    assert median(report["waiting_s"]) < SOON_S


def test_a_pop_that_waited_in_vain_brings_nothing(play: Plays) -> None:
    report = play("pop", "nothing").report
    assert report["messages"] == []
    assert report["elapsed_s"] >= 0.3


def test_one_pop_drains_many_partitions_under_one_lease(play: Plays) -> None:
    report = play("pop", "many_partitions").report
    by_partition = {n: [each for each in report["data"] if each[0] == n] for n in range(5)}
    assert by_partition == {n: [[n, 0], [n, 1], [n, 2]] for n in range(5)}
    assert report["leases"] == 1
    assert report["acked"] == [True] * 15
    assert report["rest"] == []


def test_a_pop_of_one_partition_brings_nothing_of_another(play: Plays) -> None:
    assert play("pop", "one_partition").report == {"data": ["b"]}


def test_names_may_be_written_in_any_language(play: Plays) -> None:
    report = play("pop", "names_that_people_use").report
    assert report["popped_from"] == report["pushed_to"]


@pytest.mark.parametrize("published", ["2.6.0"], indirect=True)
def test_a_client_that_leaves_the_batch_to_the_server_gets_more_than_one(play: Plays) -> None:
    assert play("pop", "sized_by_the_server").report == {"data": list(range(30))}


@pytest.mark.parametrize("published", ["2.6.0"], indirect=True)
def test_what_is_committed_at_delivery_needs_no_ack(play: Plays) -> None:
    assert play("pop", "committed_at_delivery").report == {"leases": ["", ""], "rest": [2]}
