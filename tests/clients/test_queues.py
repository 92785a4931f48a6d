"""Queues as the clients make and delete them."""

import pytest

from tests.clients.published import Plays


def test_every_option_comes_back_with_its_value(play: Plays) -> None:
    report = play("queues", "made_with_options").report
    answer = report["answer"]
    assert answer["configured"]
    assert (answer["namespace"], answer["task"]) == ("shop", "ship")
    assert report["asked"].items() <= answer["options"].items()


def test_a_queue_without_options_has_the_defaults(play: Plays) -> None:
    options = play("queues", "made_with_defaults").report["answer"]["options"]
    assert (options["leaseTime"], options["retryLimit"], options["maxSize"]) == (300, 3, 0)


def test_options_may_be_spelled_as_python_does(play: Plays) -> None:
    options = play("queues", "in_the_clients_own_spelling").report["options"]
    assert (options["leaseTime"], options["retryLimit"]) == (45, 7)


def test_encryption_is_refused_in_words(play: Plays) -> None:
    report = play("queues", "encrypted").report
    assert report["status"] == 400
    assert "encryptionEnabled" in report["text"]


def test_a_deleted_queue_takes_its_messages_along(play: Plays) -> None:
    deleted = play("queues", "deleted")
    assert deleted.report["answer"] == {"deleted": True, "queue": deleted.queue.name, "existed": True}
    assert (deleted.report["status"], deleted.report["data"]) == ("queued", ["new"])


def test_deleting_what_is_not_there_is_no_failure(play: Plays) -> None:
    assert play("queues", "deleted_twice").report == {"existed": [True, False]}


def test_a_delayed_message_is_popped_when_it_is_due(play: Plays) -> None:
    assert play("queues", "delayed").report == {"at_once": [], "later": [1]}


def test_a_producer_learns_that_a_queue_is_full(play: Plays) -> None:
    report = play("queues", "full").report
    assert (report["status"], report["retry_after"]) == (429, "1")
    assert "is full" in report["text"]


@pytest.mark.parametrize("published", ["2.6.0"], indirect=True)
def test_a_client_that_tries_again_gets_through_when_there_is_room(play: Plays) -> None:
    report = play("waiting", "push").report
    assert report == {"given_up": False, "status": "queued", "data": ["late"]}
