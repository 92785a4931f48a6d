import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.load.payload import PushBodies
from loadtests.results import transaction_id

QUEUES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)


def bodies(**changes: Any) -> PushBodies:
    given_values: dict[str, Any] = {
        "run_tag": "t1",
        "producer": 3,
        "queue": "bench",
        "partition": "p3",
        "batch": 10,
        "payload_bytes": 300,
        "seed": 7,
    }
    return PushBodies(**(given_values | changes))


@settings(max_examples=60)
@given(
    batch=st.integers(1, 120),
    payload_bytes=st.integers(2, 2000),
    producer=st.integers(0, 5000),
    firsts=st.lists(st.integers(0, 10_000_000), min_size=1, max_size=3),
    queue=QUEUES,
)
def test_every_body_is_valid_json_with_the_right_ids_and_unique_payloads(
    batch: int, payload_bytes: int, producer: int, firsts: list[int], queue: str
) -> None:
    made = bodies(batch=batch, payload_bytes=payload_bytes, producer=producer, queue=queue)
    for first in firsts:
        items = json.loads(made.body(first))["items"]
        expected = [transaction_id("t1", producer, first + index) for index in range(batch)]
        assert [item["transactionId"] for item in items] == expected
        assert {item["queue"] for item in items} == {queue}
        assert len({json.dumps(item["payload"]) for item in items}) == batch


@given(payload_bytes=st.integers(60, 20_000), first=st.integers(0, 10_000_000))
def test_payloads_have_about_the_asked_size(payload_bytes: int, first: int) -> None:
    (item,) = json.loads(bodies(batch=1, payload_bytes=payload_bytes).body(first))["items"]
    size = len(json.dumps(item["payload"], separators=(",", ":")))
    assert abs(size - payload_bytes) <= max(5, 0.03 * payload_bytes)


def test_pushes_and_producers_differ_and_a_seed_repeats() -> None:
    assert bodies().body(0) == bodies().body(0)
    different = {bodies().body(0), bodies().body(10), bodies(producer=4).body(0), bodies(seed=8).body(0)}
    assert len(different) == 4


def test_the_filling_does_not_compress_away() -> None:
    import zlib

    body = bodies(batch=1, payload_bytes=4000).body(0)
    assert len(zlib.compress(body)) > 0.7 * len(body)
