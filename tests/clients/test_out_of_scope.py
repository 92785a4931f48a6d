"""What this server does not have: the clients get an error in words, at once, and nothing happens."""

import pytest

from tests.clients.conftest import Stored
from tests.clients.published import Plays


def assert_refused(report: dict[str, dict[str, object]]) -> None:
    """Each call ended with 404 (or 405 where the path has other methods) and the server's own words."""
    words = ("no such route", "method not allowed", "does not support")
    for call, outcome in report.items():
        assert outcome.get("status") in (404, 405), (call, outcome)
        assert any(text in str(outcome["text"]) for text in words), (call, outcome)


def test_administration_that_is_not_there_is_an_error_in_words(play: Plays) -> None:
    assert_refused(play("out_of_scope", "administration").report)


@pytest.mark.parametrize("published", ["0.15.0"], indirect=True)
def test_administration_of_old_is_an_error_in_words(play: Plays) -> None:
    assert_refused(play("out_of_scope", "administration_of_old").report)


@pytest.mark.parametrize("published", ["2.6.0"], indirect=True)
def test_key_values_timers_locks_and_offset_reads_are_an_error_in_words(play: Plays) -> None:
    assert_refused(play("out_of_scope", "later_surfaces").report)


async def test_a_trace_that_fails_does_not_fail_its_message(play: Plays) -> None:
    traces = play("out_of_scope", "traces")
    [traced] = traces.report["traced"]
    assert not traced["success"]
    assert await traces.queue.pop() == []


async def test_a_pop_by_namespace_brings_nothing(play: Plays) -> None:
    by_namespace = play("out_of_scope", "by_namespace")
    assert by_namespace.report == {"popped": []}
    assert len(await by_namespace.queue.pop()) == 1


def test_a_consumer_by_namespace_ends_with_the_error(play: Plays) -> None:
    assert play("out_of_scope", "consuming_by_namespace").report["status"] == 404


@pytest.mark.parametrize("published", ["2.6.0"], indirect=True)
def test_a_client_that_asks_for_conflation_finds_out_that_there_is_none(play: Plays) -> None:
    assert play("out_of_scope", "conflation").report == {"unsupported": True}


@pytest.mark.parametrize("published", ["2.6.0"], indirect=True)
async def test_a_binary_push_is_refused_and_stores_nothing(play: Plays, stored: Stored) -> None:
    binary = play("out_of_scope", "binary_push")
    assert binary.report["status"] in (400, 415)
    assert await stored(binary.queue) == []


@pytest.mark.parametrize("published", ["2.6.0"], indirect=True)
async def test_a_transaction_on_a_condition_that_nobody_checks_does_nothing(
    play: Plays, stored: Stored
) -> None:
    guarded = play("out_of_scope", "guarded_transaction")
    assert "returned" not in guarded.report
    assert await stored(guarded.queue) == []
