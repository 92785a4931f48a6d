"""Halves of surrogate pairs: kept in payloads, refused in names, and nothing else is touched."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queen.api.codec import Decoder
from queen.errors import BadRequest


class Item(msgspec.Struct):
    queue: str
    payload: msgspec.Raw
    rest: Any = None


class Body(msgspec.Struct):
    items: list[Item]


def decoded(body: bytes) -> Body:
    body_out: Body = Decoder(Body, {}).decode(body)
    return body_out


def body_of(*payloads: bytes, queue: bytes = b'"q"') -> bytes:
    return b'{"items":[%b]}' % b",".join(b'{"queue":%b,"payload":%b}' % (queue, each) for each in payloads)


HALVES = [
    rb'"\ud800"',
    rb'"\uDFFF"',
    rb'"\udc00\ud800"',
    rb'{"\ud800":"\\ud800","pair":"\ud83d\ude00","a":["\\\udbff"]}',
    rb'"\ud800\ud83d\ude00\n\"\/"',
    '"\\ud800 \N{PILE OF POO}"'.encode(),
    rb'"\ufdd0 \ud800 \uFDD1d800"',  # what it could hide behind is in use
    '"\ufdd0 \\ud800"'.encode(),
]


@pytest.mark.parametrize("payload", HALVES)
def test_a_payload_is_kept_to_the_byte(payload: bytes) -> None:
    kept = decoded(body_of(b"1.10", payload, rb'"\\ud800"'))
    assert [bytes(item.payload) for item in kept.items] == [b"1.10", payload, rb'"\\ud800"']
    assert [item.queue for item in kept.items] == ["q"] * 3


@pytest.mark.parametrize("name", [rb'"\ud800"', rb'"a\udc00b"'])
def test_a_name_must_not_hold_one(name: bytes) -> None:
    with pytest.raises(BadRequest, match="half of a surrogate pair"):
        decoded(body_of(b"1", queue=name))


def test_nor_must_what_is_decoded_as_anything() -> None:
    with pytest.raises(BadRequest, match="half of a surrogate pair"):
        decoded(rb'{"items":[{"queue":"q","payload":1,"rest":{"a":["\ud800"]}}]}')


@pytest.mark.parametrize(
    "body",
    [
        rb'{"items":[{"queue":"q","payload":"\ud800"',
        rb'{"items":[{"queue":"q","payload":["\ud800"}]}',
        rb'{"items":"\ud8"}',
    ],
)
def test_what_is_no_json_is_still_refused(body: bytes) -> None:
    with pytest.raises(BadRequest, match="Invalid JSON"):
        decoded(body)


def test_a_wrong_type_beside_it_is_still_named() -> None:
    with pytest.raises(BadRequest, match="queue"):
        decoded(rb'{"items":[{"queue":1,"payload":"\ud800"}]}')


@given(
    st.recursive(st.text(st.characters()), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_any_text_is_kept(value: Any) -> None:
    payload = json.dumps(value).encode()
    [item] = decoded(body_of(payload)).items
    assert bytes(item.payload) == payload


@given(st.lists(st.sampled_from([*'ab\\"', "\ud800", "\udbff", "\udc00", "\udfff", "\ufdd0", "\U0001f600"])))
def test_any_mixture_of_halves_and_escapes_is_kept(letters: list[str]) -> None:
    payload = json.dumps("".join(letters)).encode()
    [item] = decoded(body_of(payload)).items
    assert bytes(item.payload) == payload
