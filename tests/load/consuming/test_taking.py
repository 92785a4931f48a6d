import json

import pytest

from loadtests.ledger.law import FOREIGN, Stretch
from loadtests.load.consuming.taking import PoppedMessage, read_messages, stretches
from loadtests.results import transaction_id


def message(producer: int, sequence: int, partition: str = "p0") -> PoppedMessage:
    return PoppedMessage(transaction_id("t1", producer, sequence), f"id-{partition}", partition=partition)


def test_a_batch_becomes_its_stretches_in_order() -> None:
    batch = [
        *(message(3, sequence) for sequence in (7, 8, 9)),
        message(3, 9),
        message(4, 10),
        message(4, 11),
        message(4, 12, "p1"),
        message(4, 11, "p1"),
    ]
    assert stretches(batch, "t1") == [
        Stretch("p0", 3, 7, 9),
        Stretch("p0", 3, 9, 9),
        Stretch("p0", 4, 10, 11),
        Stretch("p1", 4, 12, 12),
        Stretch("p1", 4, 11, 11),
    ]
    assert stretches([], "t1") == []


LOOKALIKES = ("t1-3-04", "t1-03-4", "t1-00-0", f"t1-3-{'9' * 18}", f"t1-3-{'9' * 5000}")


@pytest.mark.parametrize(
    "foreign", ["", "t1", "t1-3", "t2-3-4", "t1-3-", "t1--4", "t1-3-4-5", "t1-x-4", "t1-3-²", *LOOKALIKES]
)
def test_what_is_not_of_this_run_is_foreign_each_message_by_itself(foreign: str) -> None:
    batch = [PoppedMessage(foreign, "id", partition="p0")] * 2
    assert stretches(batch, "t1") == [Stretch("p0", FOREIGN, 0, 0)] * 2


@pytest.mark.parametrize(
    ("payload", "stamp"),
    [
        ({"sentAtUs": 1700000000000000, "text": "x"}, 1700000000000000),
        ({"sentAtUs": "soon"}, None),
        ({"sentAtUs": -5}, None),
        ({"sentAtUs": 10**30}, None),
        ({"text": {"deep": [1]}}, None),
        (17, None),
        ([1, {}], None),
        ("text", None),
        (None, None),
        (True, None),
        (1.5, None),
    ],
)
def test_any_payload_is_read_and_a_stamp_is_found(payload: object, stamp: int | None) -> None:
    answer = {"success": True, "messages": [{"transactionId": "t1-0-0", "partitionId": "i", "data": payload}]}
    (read,) = read_messages(json.dumps(answer).encode())
    assert read.sent_at_us == stamp
