"""What processes say to each other: enough that nothing is missed, and nothing when nobody waits for it."""

from dataclasses import dataclass, field

import pytest

from queen.core.notices import Change
from queen.postgres.conversation import BELIEVED_S, SAY_AGAIN_S, Conversation
from queen.postgres.notices import Changed, Hello, Here, decode
from tests.clock import Clock

ONCE, TWICE = Change("q", None, frozenset({"once"})), Change("q", "g", frozenset({"twice"}))


@dataclass
class Process:
    """A conversation and the ears that belong to it; None: anything."""

    clock: Clock
    waiting: bool = False
    heard: list[Change | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.conversation = Conversation(self.clock)

    def hear(self, change: Change) -> None:
        self.heard.append(change)

    def hear_anything(self) -> None:
        self.heard.append(None)

    def parks(self) -> None:
        """Its first poll."""
        self.waiting = True
        self.conversation.expect()

    def changes(self, change: Change) -> None:
        self.conversation.announce(change)

    def says(self, *others: "Process", hello: bool = False) -> list[type[Hello | Here | Changed]]:
        """Its words reach everybody, itself too, as NOTIFY does it; returns their kinds."""
        due = self.conversation.has_words
        words = [self.conversation.hello()] if hello else self.conversation.words(waiting=self.waiting)
        assert hello or due is bool(words)
        for text in words:
            assert self.conversation.hear(text, self)
            for other in others:
                assert not other.conversation.hear(text, other)
        return [type(decode(text)) for text in words]


@pytest.fixture
def clock() -> Clock:
    return Clock(1_000.0)


@pytest.fixture
def alone(clock: Clock) -> Process:
    return Process(clock)


@pytest.fixture
def acquainted(clock: Clock) -> tuple[Process, Process]:
    """Two who know of each other; nobody waits."""
    one, other = Process(clock), Process(clock)
    one.says(hello=True)
    other.says(one, hello=True)
    assert one.says(other) == [Here]
    assert other.says(one) == []
    return one, other


@pytest.fixture
def told(acquainted: tuple[Process, Process]) -> tuple[Process, Process]:
    """The first tells the second, whose polls wait, what it changes."""
    one, other = acquainted
    other.parks()
    assert other.says(one) == [Here]
    assert one.says(other) == [Changed]
    assert other.heard == [None], "whoever was told nothing so far looks at everything"
    other.heard.clear()
    return one, other


def test_one_that_is_alone_has_nothing_to_say(alone: Process) -> None:
    assert alone.says(hello=True) == [Hello]
    alone.changes(ONCE)
    alone.parks()
    alone.conversation.interrupted()
    assert alone.says() == []
    assert alone.heard == []


def test_one_whose_polls_wait_says_so_as_soon_as_it_has_company(alone: Process, clock: Clock) -> None:
    alone.parks()
    new = Process(clock)
    new.says(alone, hello=True)
    assert alone.says(new) == [Here]
    new.changes(ONCE)
    assert new.says(alone) == [Changed]
    assert alone.heard == [None]


def test_a_newcomer_whose_polls_wait_says_so_when_it_is_answered(alone: Process, clock: Clock) -> None:
    new = Process(clock)
    new.parks()
    new.says(alone, hello=True)
    assert new.says(alone) == []
    assert alone.says(new) == [Here]
    assert new.says(alone) == [Here]
    assert alone.says(new) == [Changed]
    assert new.heard == [None]


def test_while_nobody_waits_nothing_is_told(acquainted: tuple[Process, Process]) -> None:
    one, other = acquainted
    one.changes(ONCE)
    other.changes(TWICE)
    assert one.says(other) == other.says(one) == []


def test_changes_are_told_to_who_waits_by_name_and_once(told: tuple[Process, Process]) -> None:
    one, other = told
    one.changes(ONCE)
    one.changes(TWICE)
    assert one.says(other) == [Changed]
    assert other.heard == [ONCE, TWICE]
    assert one.heard == [], "nobody listens to himself"
    assert one.says(other) == []


def test_what_changed_before_it_was_known_that_somebody_waits_is_told_then(
    told: tuple[Process, Process], clock: Clock
) -> None:
    one, other = told
    clock.now_s += BELIEVED_S
    one.changes(ONCE)
    assert one.says(other) == [], "nobody waited for long"
    other.parks()  # and looks before the change is made
    one.changes(TWICE)
    assert other.says(one) == [Here]
    assert one.says(other) == [Changed]
    assert other.heard == [ONCE, TWICE]


def test_polls_that_have_left_again_are_not_worth_a_word(acquainted: tuple[Process, Process]) -> None:
    one, other = acquainted
    one.parks()
    one.waiting = False  # its look found something
    assert one.conversation.words(waiting=False) == []
    assert not one.conversation.has_words
    one.parks()
    assert one.says(other) == [Here]


def test_a_newcomer_that_was_told_of_no_polls_is_told_of_the_next(
    told: tuple[Process, Process], clock: Clock
) -> None:
    one, other = told
    other.waiting = False
    new = Process(clock)
    new.says(one, other, hello=True)
    one.says(other, new)
    assert other.says(one, new) == [Here]
    other.parks()
    assert other.says(one, new) == [Here], "the newcomer does not know yet"
    new.changes(ONCE)
    assert new.says(one, other) == [Changed]


def test_that_polls_wait_is_said_again_in_time_and_not_more_often(
    told: tuple[Process, Process], clock: Clock
) -> None:
    one, other = told
    said = 0
    for second in range(1, 601):
        clock.now_s += 1
        other.parks()
        said += other.says(one) == [Here]
        one.changes(Change("q", None, frozenset({str(second)})))
        assert one.says(other) == [Changed]
    assert said == 600 / SAY_AGAIN_S


def test_an_answer_of_one_without_polls_makes_nobody_forget_those_who_wait(
    told: tuple[Process, Process], clock: Clock
) -> None:
    one, other = told
    third = Process(clock)
    third.says(one, other, hello=True)
    assert one.says(other, third) == [Here]
    assert other.says(one, third) == [Here]
    one.changes(ONCE)
    assert one.says(other, third) == [Changed]
    assert third.says(one, other) == [Changed]
    assert other.heard == [ONCE, None]


def test_after_an_interruption_who_waits_looks_at_anything_and_says_again_that_it_waits(
    told: tuple[Process, Process],
) -> None:
    one, other = told
    one.changes(ONCE)
    one.conversation.words(waiting=False)  # said into a connection that breaks
    one.conversation.interrupted()
    one.changes(TWICE)
    assert one.says(other) == [Changed]
    assert other.heard == [None]
    other.conversation.interrupted()
    other.parks()
    assert other.says(one) == [Here]


def test_what_is_no_notice_changes_nothing(alone: Process) -> None:
    with pytest.raises(ValueError, match="malformed"):
        alone.conversation.hear("garbage", alone)
    assert not alone.conversation.has_words
