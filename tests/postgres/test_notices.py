"""Notices on the wire: short enough, complete, and nothing but what we say is understood."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queen.core.notices import Change
from queen.postgres.notices import MOST_BYTES, Changed, Hello, Here, Notice, decode, encode, encode_changes

NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=255)
CHANGES = st.builds(
    Change, queue=NAMES, group=st.none() | NAMES, partitions=st.none() | st.frozensets(NAMES, min_size=1)
)


def told(texts: list[str]) -> list[Change]:
    """The changes in the texts, each of which must be fit for NOTIFY."""
    changes: list[Change] = []
    for text in texts:
        assert len(text.encode()) <= MOST_BYTES
        notice = decode(text)
        assert isinstance(notice, Changed)
        assert notice.sender == "me"
        assert notice.changes
        changes += notice.changes
    return changes


@given(st.lists(CHANGES, max_size=30))
def test_every_change_is_told_once_in_texts_that_fit(changes: list[Change]) -> None:
    heard = told(list(encode_changes("me", changes)))
    assert [(change.queue, change.group) for change in heard] == [
        (change.queue, change.group) for change in changes
    ]
    for given_, got in zip(changes, heard, strict=True):
        assert got.partitions in (given_.partitions, None)


def test_the_longest_names_fit() -> None:
    long = "\x01" * 255  # six bytes each in JSON
    change = Change(long, long, frozenset({long}))
    assert told(list(encode_changes("me", [change, change]))) == [change, change]


def test_partitions_that_do_not_fit_are_left_out_and_their_neighbours_are_not() -> None:
    many = frozenset(f"{number:0200}" for number in range(100))
    few = frozenset({"p"})
    changes = [Change("q", None, few), Change("q", "g", many), Change("r", None, few)]
    assert told(list(encode_changes("me", changes))) == [changes[0], Change("q", "g", None), changes[2]]


def test_many_queues_need_several_texts_and_not_one_each() -> None:
    changes = [Change(f"queue-{number}", None, frozenset({"Default"})) for number in range(1_000)]
    texts = list(encode_changes("me", changes))
    assert told(texts) == changes
    assert 1 < len(texts) < 20


@pytest.mark.parametrize(
    "notice",
    [Hello("me"), Here("me", waiting=True), Changed("me", None), Changed("me", (Change("q", None, None),))],
)
def test_a_notice_comes_back_as_it_was(notice: Notice) -> None:
    assert decode(encode(notice)) == notice


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        "[]",
        "{}",
        '{"type":"hello"}',
        '{"type":"hello","from":7}',
        '{"type":"here","from":"me"}',
        '{"type":"goodbye","from":"me"}',
        '{"type":"changed","from":"me","changes":[{"queue":null}]}',
        '{"type":"changed","from":"me","changes":[{"queue":"q","partitions":"p"}]}',
        '{"type":"hello","from":"me","x":' + "[" * 7_000,
    ],
)
def test_anything_else_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(text)
