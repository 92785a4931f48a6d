"""What the clients push is stored once, in order, and as it is."""

from tests.clients.conftest import Stored
from tests.clients.published import Plays


async def test_messages_are_stored_in_the_order_in_which_they_were_pushed(
    play: Plays, stored: Stored
) -> None:
    several = play("push", "several")
    assert several.report["statuses"] == ["queued"] * 3
    assert {"message_id", "partition_id", "transaction_id"} <= set(several.report["keys"])
    assert await stored(several.queue) == [("p", "t-0"), ("p", "t-1"), ("p", "t-2")]


def test_a_payload_comes_back_as_it_went(play: Plays) -> None:
    report = play("push", "payloads").report
    assert report["popped"] == report["pushed"]


def test_a_trace_id_comes_back(play: Plays) -> None:
    report = play("push", "traced").report
    assert report["got"] == [report["sent"], None]


async def test_a_transaction_id_is_stored_once_and_the_client_is_told(play: Plays, stored: Stored) -> None:
    again = play("push", "the_same_again")
    assert again.report == {"statuses": ["queued", "duplicate"], "same_message": True, "told": ["t"]}
    assert await stored(again.queue) == [("Default", "t")]


def test_what_is_buffered_arrives_when_it_is_flushed(play: Plays) -> None:
    assert play("push", "buffered").report == {"before": 0, "after": list(range(60))}


async def test_what_is_buffered_arrives_when_a_buffer_is_full_or_the_client_closes(
    play: Plays, stored: Stored
) -> None:
    buffered = play("push", "buffered_and_closed")
    assert sorted(await stored(buffered.queue)) == [("Default", f"t-{n:02}") for n in range(45)]


def test_a_name_that_is_too_long_is_refused_in_words(play: Plays) -> None:
    report = play("push", "too_long_a_name").report
    assert report["status"] == 400
    assert "255" in report["text"]


async def test_a_client_with_two_servers_goes_to_the_one_that_answers(play: Plays, stored: Stored) -> None:
    elsewhere = play("push", "one_server_is_down")
    assert elsewhere.report == {"statuses": ["queued"]}
    assert await stored(elsewhere.queue) == [("Default", "t")]
