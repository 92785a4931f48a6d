"""What fails is tried again as often as the queue allows, and is then kept as a dead letter."""

from tests.clients.published import Plays, PublishedClient


async def test_a_message_that_keeps_failing_becomes_a_dead_letter(
    play: Plays, published: PublishedClient
) -> None:
    retried = play("dead_letters", "after_retries")
    report = retried.report
    assert report["seen"] == ["good", "bad", "bad", "bad", "next"]
    assert report["dlq"]["total"] == 1
    [letter] = report["dlq"]["messages"]
    assert (letter["transactionId"], letter["data"], letter["partition"]) == ("bad", "bad", "Default")
    assert letter["retryCount"] == 2
    # 0.15.0 sends no reason with the nack of a handler
    assert letter["errorMessage"] == {"0.15.0": "", "2.6.0": "cannot read it"}[published.version]
    assert await retried.queue.pop(10) == []


def test_a_client_may_give_a_message_up_at_once(play: Plays) -> None:
    report = play("dead_letters", "at_once").report
    assert (report["acked"]["success"], report["acked"]["dlq"]) == (True, True)
    assert report["next"] == "next"
    [letter] = report["dlq"]["messages"]
    assert (letter["transactionId"], letter["errorMessage"]) == ("bad", "unreadable")


def test_asking_for_a_message_again_never_makes_a_dead_letter(play: Plays) -> None:
    report = play("dead_letters", "tried_again").report
    assert report["answers"] == [True] * 3
    assert (report["dlq"]["messages"], report["dlq"]["total"]) == ([], 0)
    assert report["again"] == 1


def test_what_fails_in_a_batch_comes_again_with_all_behind_it(play: Plays) -> None:
    report = play("dead_letters", "one_of_a_batch").report
    assert report == {"results": [True, True, False, False], "again": [1, 2, 3]}


def test_dead_letters_are_listed_in_pages_with_their_total(play: Plays) -> None:
    report = play("dead_letters", "pages").report
    assert report["all"]["total"] == 4
    assert {letter["consumerGroup"] for letter in report["all"]["messages"]} == {"mail", "audit"}
    assert [page["total"] for page in (report["mail"], report["rest"])] == [3, 3]
    listed = [letter["transactionId"] for letter in report["mail"]["messages"]]
    assert listed == ["mail-2", "mail-1"]
    assert [letter["transactionId"] for letter in report["rest"]["messages"]] == ["mail-0"]
