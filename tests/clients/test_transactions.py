"""Transactions as the clients send them: 0.15.0 names the leases once, 2.6.0 in every ack as well."""

from tests.clients.published import Plays


def test_acks_and_pushes_happen_together(play: Plays) -> None:
    report = play("transactions", "committed").report
    assert report["success"]
    assert report["types"][0] == "ack"
    assert (report["input"], report["output"]) == ([], ["first", "second"])


def test_a_refused_ack_undoes_everything(play: Plays) -> None:
    report = play("transactions", "refused").report
    assert "Invalid or expired lease" in report["error"]
    assert report["output"] == []
    assert report["gone"] == ["gone"]
    assert report["held_still"]
    assert report["acked_later"]


def test_an_ack_counts_for_the_group_that_it_names(play: Plays) -> None:
    assert play("transactions", "in_a_group").report == {"rest": [], "others": [1]}


def test_several_messages_may_be_acked_in_one(play: Plays) -> None:
    assert play("transactions", "two_messages").report == {"input": [3], "output": ["both"]}


def test_a_failure_may_be_reported_together_with_its_nack(play: Plays) -> None:
    failed = play("transactions", "a_failure_and_its_report")
    assert failed.report["output"] == ["failed"]
    assert failed.report["dead"] == [1]
