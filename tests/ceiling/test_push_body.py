"""Templates of pushes: well-formed, of the asked size, with a place for what changes."""

import json
import random

from loadtests.ceiling.push_body import NUMBER, PARTITION, UUID, name, payload, push_template


def test_a_rendered_body_has_a_place_for_the_name_of_each_item() -> None:
    text = push_template("q", 100, 300, seed=7)
    assert text.count(NUMBER) == 100
    text = text.replace(NUMBER, "w1-42").replace(PARTITION, "3")
    items = json.loads(text)["items"]
    assert [item["transactionId"] for item in items] == ["w1-42"] * 100
    assert {(item["queue"], item["partition"]) for item in items} == {("q", "p3")}


def test_names_come_in_the_order_in_which_nothing_is_looked_up() -> None:
    names = [name(tag, number) for tag in ("w9", "w10", "w11") for number in (0, 9, 10, 4_000_000)]
    assert names == sorted(names, key=lambda made: (len(made), made))


def test_an_id_that_does_not_count_has_a_place_in_each_item() -> None:
    text = push_template("q", 100, 300, seed=7, ids="uuid7")
    assert text.count(UUID) == 100
    assert NUMBER not in text
    text = text.replace(UUID, "0198c3b2-1a2b-7abc-8def-000000000001").replace(PARTITION, "3")
    assert {item["transactionId"] for item in json.loads(text)["items"]} == {
        "0198c3b2-1a2b-7abc-8def-000000000001"
    }


def test_payloads_have_the_asked_size_and_are_not_alike() -> None:
    randomness = random.Random(7)
    payloads = [payload(300, item, randomness) for item in range(50)]
    assert {len(text.encode()) for text in payloads} == {300}
    assert len(set(payloads)) == 50
    assert json.loads(payloads[7])["item"] == 7
