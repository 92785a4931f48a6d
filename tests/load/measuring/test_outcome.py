import json

import pytest

from loadtests.load.measuring.outcome import ALL_QUEUED, Fate, classify, no_answer, not_sent
from loadtests.load.null_server import push_answer
from queen import errors

REFUSALS = [
    errors.BadRequest,
    errors.Unauthorized,
    errors.NotFound,
    errors.NotDone,
    errors.DatabaseUnavailable,
    errors.Overloaded,
    errors.ShuttingDown,
    errors.StatementFailed,
]


def body_of(error: errors.QueenError) -> bytes:
    return json.dumps({"error": str(error), "code": error.code}).encode()


def items(*statuses: str) -> bytes:
    return json.dumps([{"index": i, "status": status} for i, status in enumerate(statuses)]).encode()


@pytest.mark.parametrize("batch", [1, 7, 100])
@pytest.mark.parametrize("status", [200, 201])
def test_all_queued(batch: int, status: int) -> None:
    answer = push_answer(batch).partition(b"\r\n\r\n")[2]
    assert classify(status, answer, batch) is ALL_QUEUED


@pytest.mark.parametrize("kind", REFUSALS)
def test_what_the_server_calls_not_done_is_refused(kind: type[errors.QueenError]) -> None:
    outcome = classify(kind.status, body_of(kind("no")), 10)
    assert (outcome.worst, outcome.code, outcome.text) == (Fate.REFUSED, kind.code, "no")


def test_the_guides_error_keeps_its_text() -> None:
    error = errors.PoolTimeout()
    outcome = classify(error.status, body_of(error), 10)
    assert outcome.worst is Fate.REFUSED
    assert (outcome.code, outcome.text) == ("pool_timeout", "timeout exceeded when trying to connect")


def test_only_outcome_unknown_of_the_503_leaves_doubt() -> None:
    outcome = classify(503, body_of(errors.OutcomeUnknown("gone")), 10)
    assert (outcome.worst, outcome.code) == (Fate.UNKNOWN, "outcome_unknown")


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        (400, Fate.REFUSED),
        (413, Fate.REFUSED),
        (429, Fate.REFUSED),
        (503, Fate.REFUSED),
        (500, Fate.UNKNOWN),
        (502, Fate.UNKNOWN),
        (504, Fate.UNKNOWN),
        (302, Fate.UNKNOWN),
    ],
)
def test_a_server_without_codes_is_judged_by_its_status(status: int, fate: Fate) -> None:
    outcome = classify(status, b"<html>\xff nope</html>", 10)
    assert (outcome.worst, outcome.code) == (fate, f"http_{status}")
    assert "nope" in outcome.text


def test_a_spaced_answer_of_another_server_is_understood() -> None:
    assert classify(200, items("queued", "queued"), 2).worst is Fate.ACKNOWLEDGED


def test_items_have_fates_of_their_own() -> None:
    outcome = classify(201, items("queued", "duplicate", "failed", "buffered"), 4)
    assert outcome.fates == (Fate.ACKNOWLEDGED, Fate.DUPLICATE, Fate.REFUSED, Fate.UNKNOWN)
    assert (outcome.worst, outcome.code) == (Fate.UNKNOWN, "item_failed")
    assert not outcome.acknowledged


def test_duplicates_alone_are_no_failure() -> None:
    outcome = classify(201, items("queued", "duplicate"), 2)
    assert (outcome.worst, outcome.code) == (Fate.DUPLICATE, "")
    assert outcome.acknowledged


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"[1]", b'[{"status":"queued"}]', b"[{]"])
def test_a_success_that_does_not_say_what_it_stored_leaves_doubt(body: bytes) -> None:
    outcome = classify(201, body, 2)
    assert (outcome.worst, outcome.code) == (Fate.UNKNOWN, "bad_answer")


def test_a_queue_whose_name_looks_like_a_status_does_not_count() -> None:
    named = json.dumps([{"status": "failed", "queueName": '"status":"queued"'}]).encode()
    assert classify(201, named, 1).worst is Fate.REFUSED


def test_without_an_answer_it_matters_whether_anything_was_sent() -> None:
    assert not_sent("refused").worst is Fate.REFUSED
    assert no_answer("reset").worst is Fate.UNKNOWN
