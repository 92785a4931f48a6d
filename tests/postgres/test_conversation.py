"""What processes say to each other: enough that nothing is missed, and nothing when there is nobody."""

from dataclasses import dataclass, field

import pytest

from queen.core.notices import Change
from queen.postgres.conversation import Conversation
from queen.postgres.notices import Changed, Hello, Here, decode

HERE, THERE = Change("q", None, frozenset({"here"})), Change("q", "g", frozenset({"there"}))


@dataclass
class Process:
    """A conversation and the ears that belong to it; None: anything."""

    conversation: Conversation = field(default_factory=Conversation)
    heard: list[Change | None] = field(default_factory=list)

    def hear(self, change: Change) -> None:
        self.heard.append(change)

    def hear_anything(self) -> None:
        self.heard.append(None)

    def says(self, *others: "Process", hello: bool = False) -> list[type[Hello | Here | Changed]]:
        """Its words reach everybody, itself too, as NOTIFY does it; returns their kinds."""
        words = [self.conversation.hello()] if hello else self.conversation.words()
        for text in words:
            assert self.conversation.hear(text, self)
            for other in others:
                assert not other.conversation.hear(text, other)
        return [type(decode(text)) for text in words]


def acquainted() -> tuple[Process, Process]:
    one, other = Process(), Process()
    one.says(hello=True)
    other.says(one, hello=True)
    one.says(other)
    other.says(one)
    one.heard.clear()
    other.heard.clear()
    return one, other


def test_one_that_is_alone_has_nothing_to_say() -> None:
    alone = Process()
    assert alone.says(hello=True) == [Hello]
    alone.conversation.announce(HERE)
    alone.conversation.interrupted()
    assert not alone.conversation.has_words
    assert alone.says() == []
    assert alone.heard == []


def test_a_newcomer_is_answered_and_both_are_told_to_look_at_anything() -> None:
    old, new = Process(), Process()
    old.conversation.announce(HERE)
    new.says(old, hello=True)
    new.conversation.announce(THERE)
    assert old.says(new) == [Here, Changed]
    assert new.says(old) == [Changed]
    assert (old.heard, new.heard) == ([None], [None])
    assert not old.conversation.has_words
    assert not new.conversation.has_words


def test_from_then_on_changes_are_told_by_name_and_once() -> None:
    one, other = acquainted()
    one.conversation.announce(HERE)
    one.conversation.announce(THERE)
    assert one.says(other) == [Changed]
    assert other.heard == [HERE, THERE]
    assert one.heard == [], "nobody listens to himself"
    assert one.says(other) == []


def test_a_third_one_is_answered_once_and_those_who_know_each_other_repeat_nothing() -> None:
    one, other = acquainted()
    third = Process()
    third.says(one, other, hello=True)
    assert one.says(other, third) == [Here]
    assert other.says(one, third) == [Here]
    assert third.says(one, other) == [Changed]
    assert (one.heard, other.heard, third.heard) == ([None], [None], [])


def test_after_an_interruption_everybody_looks_at_anything() -> None:
    one, other = acquainted()
    one.conversation.announce(HERE)
    one.conversation.words()  # said into a connection that breaks
    one.conversation.interrupted()
    one.conversation.announce(THERE)
    assert one.conversation.has_words
    one.says(other)
    assert other.heard == [None]


def test_what_is_no_notice_changes_nothing() -> None:
    alone = Process()
    with pytest.raises(ValueError, match="malformed"):
        alone.conversation.hear("garbage", alone)
    assert not alone.conversation.has_words
