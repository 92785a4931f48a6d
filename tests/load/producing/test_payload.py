import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.load.producing.distribution import parse_distribution
from loadtests.load.producing.payload import TEMPLATES, PushBodies
from loadtests.results import transaction_id

QUEUES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)


def bodies(**changes: Any) -> PushBodies:
    given_values: dict[str, Any] = {
        "run_tag": "t1",
        "producer": 3,
        "queue": "bench",
        "partition": "p3",
        "batch": 10,
        "sizes": "300",
        "stamped": False,
        "seed": 7,
    } | changes
    return PushBodies(**(given_values | {"sizes": parse_distribution(given_values["sizes"])}))


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
    made = bodies(batch=batch, sizes=str(payload_bytes), producer=producer, queue=queue)
    for first in firsts:
        items = json.loads(made.body(first))["items"]
        expected = [transaction_id("t1", producer, first + index) for index in range(batch)]
        assert [item["transactionId"] for item in items] == expected
        assert {item["queue"] for item in items} == {queue}
        assert len({json.dumps(item["payload"]) for item in items}) == batch


@given(payload_bytes=st.integers(60, 20_000), first=st.integers(0, 10_000_000))
def test_payloads_have_about_the_asked_size(payload_bytes: int, first: int) -> None:
    (item,) = json.loads(bodies(batch=1, sizes=str(payload_bytes)).body(first))["items"]
    size = len(json.dumps(item["payload"], separators=(",", ":")))
    assert abs(size - payload_bytes) <= max(5, 0.03 * payload_bytes)


def test_pushes_and_producers_differ_and_a_seed_repeats() -> None:
    assert bodies().body(0) == bodies().body(0)
    different = {bodies().body(0), bodies().body(10), bodies(producer=4).body(0), bodies(seed=8).body(0)}
    assert len(different) == 4


def test_the_filling_does_not_compress_away() -> None:
    import zlib

    body = bodies(batch=1, sizes="4000").body(0)
    assert len(zlib.compress(body)) > 0.7 * len(body)


def sizes_of(made: PushBodies, first: int) -> list[int]:
    items = json.loads(made.body(first))["items"]
    return [len(json.dumps(item["payload"], separators=(",", ":"))) for item in items]


def test_sizes_of_a_distribution_are_drawn_for_each_message_and_come_in_turn() -> None:
    made = bodies(batch=50, sizes="100:0.9,1000:0.1")
    first = sizes_of(made, 0)
    large = [size for size in first if size > 900]
    assert all(95 <= size <= 105 or 995 <= size <= 1005 for size in first)
    assert 1 <= len(large) <= 12
    assert sizes_of(made, 50) != first
    again = sizes_of(made, 50 * TEMPLATES)
    assert all(abs(one - other) <= 5 for one, other in zip(again, first, strict=True))  # more digits


def test_large_templates_are_few() -> None:
    made = bodies(batch=10, sizes="200000-300000")
    assert sizes_of(made, 10_000) == sizes_of(made, 10_010)
    assert sizes_of(made, 10_000) != sizes_of(bodies(batch=10, sizes="200000-300000", seed=8), 10_000)


@given(sizes=st.sampled_from(["2", "300", "2-500"]), stamp_us=st.integers(0, 2**51))
def test_a_stamp_says_when_the_push_was_due(sizes: str, stamp_us: int) -> None:
    items = json.loads(bodies(sizes=sizes, stamped=True).body(20, stamp_us))["items"]
    assert [item["payload"]["sentAtUs"] for item in items] == [stamp_us] * 10
    assert [item["payload"]["sequence"] for item in items] == list(range(20, 30))
