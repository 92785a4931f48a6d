"""The administrative calls in the contract's scope, as the clients make them."""

from typing import Any

import pytest

from tests.clients.published import Plays

TWO_PARTITIONS = 3  # with Default, which configure makes


def by_name(partitions: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {partition["name"]: partition for partition in partitions}


def test_queues_are_listed_with_their_counts(play: Plays) -> None:
    queues = play("admin", "queues")
    [queue] = queues.report["listed"]
    assert (queue["namespace"], queue["task"], queue["partitions"]) == ("shop", "ship", TWO_PARTITIONS)
    assert queue["messages"]["total"] == 6
    [same] = [each for each in queues.report["statistics"]["queues"] if each["name"] == queues.queue.name]
    assert same["messages"]["total"] == 6


def test_a_queue_is_shown_with_its_partitions(play: Plays) -> None:
    one = play("admin", "queues").report["one"]
    stats = by_name(one["partitions"])
    assert {name: stats[name]["stats"]["total"] for name in ("a", "b")} == {"a": 3, "b": 3}
    assert one["totals"]["total"] == 6


def test_a_queue_that_is_not_there_is_not_found(play: Plays) -> None:
    assert play("admin", "missing_queue").report["text"] == "Queue not found"


@pytest.mark.parametrize("published", ["2.6.0"], indirect=True)
def test_the_depth_of_a_queue_is_told_for_each_partition(play: Plays) -> None:
    depth = play("admin", "depth")
    of_group = depth.report["depth"]
    assert (of_group["queue"], of_group["pending"], of_group["partitionsPending"]) == (depth.queue.name, 5, 2)
    pending = {each["partition"]: each["pending"] for each in of_group["partitions"] if each["pending"]}
    assert pending == {"a": 2, "b": 3}
    assert not of_group["conflation"]
    assert of_group["effectivePending"] == 5


def test_the_status_counts_messages_and_leases(play: Plays) -> None:
    status = play("admin", "status").report["status"]
    assert status["messages"]["total"] == 6
    assert status["leases"]["active"] == 1
    assert status["deadLetterQueue"]["totalMessages"] == 0


def test_messages_are_listed_newest_first_in_pages_and_by_status(play: Plays) -> None:
    report = play("admin", "messages").report
    listed = [message["transactionId"] for message in report["all"]["messages"]]
    assert sorted(listed) == ["a-0", "a-1", "a-2", "b-0", "b-1", "b-2"]
    assert listed[0] == "b-2"
    assert [message["transactionId"] for message in report["page"]["messages"]] == listed[1:3]
    assert {message["partition"] for message in report["partition"]["messages"]} == {"a"}
    assert [message["transactionId"] for message in report["completed"]["messages"]] == ["a-0"]


def test_one_message_is_shown_with_its_payload(play: Plays) -> None:
    one = play("admin", "messages").report["one"]
    assert (one["transactionId"], one["payload"], one["partition"]) == ("a-1", {"n": 1}, "a")


def test_a_message_that_is_not_there_is_not_found(play: Plays) -> None:
    assert play("admin", "missing_message").report["text"] == "Message not found"


def test_groups_are_listed_and_shown(play: Plays) -> None:
    groups = play("admin", "groups")
    [listed] = groups.report["listed"]
    assert (listed["queueName"], listed["topics"]) == (groups.queue.name, [groups.queue.name])
    partitions = {each["partition"]: each for each in groups.report["one"][groups.queue.name]["partitions"]}
    assert (partitions["a"]["offsetLag"], partitions["a"]["leaseActive"]) == (2, True)
    assert partitions["a"]["totalConsumed"] == 1
    assert groups.report["unknown"] == {}


def test_a_group_may_be_sent_to_the_end_and_back(play: Plays) -> None:
    sought = play("admin", "sought")
    report = sought.report
    assert (report["first"], report["nothing"], report["again"]) == (3, [], [0, 1, 2])
    assert (report["to_end"]["success"], report["back"]["success"]) == (True, True)
    assert (report["to_end"]["queueName"], report["to_end"]["partitionsUpdated"]) == (sought.queue.name, 1)


def test_a_group_may_be_deleted_on_one_queue_alone(play: Plays) -> None:
    report = play("admin", "group_of_one_queue_deleted").report
    assert (report["answer"]["success"], report["answer"]["deletedPartitions"]) == (True, 1)
    assert (report["again"], report["other"]) == (1, 0)


def test_health_and_metrics_are_answered(play: Plays) -> None:
    report = play("admin", "health_and_metrics").report
    assert report["health"]["status"] == "healthy"
    assert report["metrics"]["database"]["poolSize"] > 0
