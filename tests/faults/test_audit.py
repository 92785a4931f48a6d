"""The auditor finds what is wrong: an honest history with one thing changed, and nothing in one without.

The history: a producer sends a, b and then c, d to one partition; a group takes a and b, nacks b, takes
b, c, d again under a second lease, and commits them.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from .audit import Figures, Verdict, audit
from .findings import Kind, kinds
from .records import Ack, Acked, Outcome, Push, Records, Sent, Take
from .table import Cursor, Stored, Table

LEASE_S = 2
GROUP = "billing"
PARTITION = "p"


def sent(*ids: str, outcome: Outcome = Outcome.ACKNOWLEDGED, answers: str = "queued") -> Push:
    acknowledged = outcome is Outcome.ACKNOWLEDGED
    return Push(
        producer="0",
        messages=tuple(Sent(PARTITION, each) for each in ids),
        outcome=outcome,
        answers=tuple(answers for _ in ids) if acknowledged else (),
        unknown_tries=int(outcome is Outcome.UNKNOWN),
    )


def taken(ids: str, lease_id: str, asked_s: float, received_s: float) -> Take:
    return Take(GROUP, PARTITION, lease_id, asked_s, received_s, tuple(ids))


def acked(lease_id: str, sent_s: float, *items: Acked) -> Ack:
    return Ack(PARTITION, lease_id, sent_s, items)


def done(transaction_id: str, *, noop: bool = False) -> Acked:
    return Acked(transaction_id, "completed", success=True, noop=noop)


class History:
    """The honest one, open to be changed."""

    def __init__(self) -> None:
        self.table = Table(
            messages=tuple(Stored(PARTITION, at, each) for at, each in enumerate("abcd", 1)),
            heads={PARTITION: 4},
            cursors=(Cursor(GROUP, PARTITION, position=4, consumed=4),),
        )
        self.records = Records(
            pushes=[sent("a", "b"), sent("c", "d")],
            takes=[taken("ab", "L1", 0.0, 0.1), taken("bcd", "L2", 0.1, 0.4)],
            acks=[
                acked("L1", 0.2, done("a"), Acked("b", "retry", success=True)),
                acked("L2", 0.5, done("b"), done("c"), done("d")),
            ],
        )

    def store(self, *ids: str) -> None:
        """Have these in the table instead, at positions from 1."""
        messages = tuple(Stored(PARTITION, at, each) for at, each in enumerate(ids, 1))
        self.table = replace(self.table, messages=messages)

    def verdict(self) -> Verdict:
        return audit(self.table, self.records, frozenset({GROUP}), LEASE_S)


def test_an_honest_history_has_no_findings_and_figures_to_quote() -> None:
    verdict = History().verdict()
    assert not verdict.findings, str(verdict)
    assert verdict.figures == Figures(
        acknowledged=4,
        unknown_stored=0,
        unknown_not_stored=0,
        refused=0,
        delivered=5,
        nacked=1,
        ran_out=0,
    )


# What is changed in the table -----------------------------------------------------------------------------


def lose_one(history: History) -> None:
    history.store("a", "b", "d")


def store_one_twice(history: History) -> None:
    history.store("a", "b", "c", "d", "b")
    history.table = replace(
        history.table, heads={PARTITION: 5}, cursors=(Cursor(GROUP, PARTITION, position=5, consumed=5),)
    )


def swap_two(history: History) -> None:
    history.store("a", "c", "b", "d")


def leave_a_gap(history: History) -> None:
    history.table = replace(
        history.table, heads={PARTITION: 5}, cursors=(Cursor(GROUP, PARTITION, position=5, consumed=5),)
    )


def store_what_nobody_sent(history: History) -> None:
    history.records.pushes.pop()


def store_what_was_refused(history: History) -> None:
    history.records.pushes[1] = sent("c", "d", outcome=Outcome.REFUSED)


def store_half_a_push(history: History) -> None:
    history.records.pushes[1] = sent("c", "d", "e", outcome=Outcome.UNKNOWN)


def answer_half_a_push_as_new(history: History) -> None:
    history.records.pushes[0] = replace(
        history.records.pushes[0], answers=("duplicate", "queued"), unknown_tries=1
    )


def answer_duplicate_at_the_first_try(history: History) -> None:
    history.records.pushes[0] = sent("a", "b", answers="duplicate")


def leave_the_cursor_behind(history: History) -> None:
    history.table = replace(history.table, cursors=(Cursor(GROUP, PARTITION, position=3, consumed=3),))


def count_a_commit_twice(history: History) -> None:
    history.table = replace(history.table, cursors=(Cursor(GROUP, PARTITION, position=4, consumed=5),))


def have_no_cursor(history: History) -> None:
    history.table = replace(history.table, cursors=())


# What is changed in the consumers' records ----------------------------------------------------------------


def deliver_one_never(history: History) -> None:
    history.records.takes[1] = taken("bc", "L2", 0.1, 0.4)


def deliver_in_another_order(history: History) -> None:
    history.records.takes[1] = taken("bdc", "L2", 0.1, 0.4)


def deliver_what_is_not_stored(history: History) -> None:
    history.records.takes[1] = taken("bcde", "L2", 0.1, 0.4)


def lease_to_two_at_a_time(history: History) -> None:
    """A third lease comes while the second one lives."""
    history.records.takes.append(taken("d", "L3", 0.41, 0.45))


def deliver_again_what_was_committed(history: History) -> None:
    """Within an ended lease's time or long after it."""
    history.records.takes.append(taken("d", "L3", 9.0, 9.1))


def deliver_again_though_only_a_commit_ended_the_lease(history: History) -> None:
    """The ack was not answered: had it been applied, d would not come again; had it not, not so soon."""
    unanswered = (replace(done(each), success=None) for each in "bcd")
    history.records.acks[1] = acked("L2", 0.5, *unanswered)
    history.records.takes.append(taken("bcd", "L3", 0.5, 0.6))


def deliver_again_after_a_nack_that_was_refused(history: History) -> None:
    history.records.acks[0] = acked("L1", 0.2, done("a"), Acked("b", "retry", success=False))


def accept_an_ack_too_late(history: History) -> None:
    history.records.acks[1] = acked("L2", 2.6, done("b"), done("c"), done("d"))


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lose_one, Kind.LOST),
        (store_one_twice, Kind.DOUBLED),
        (swap_two, Kind.REORDERED),
        (leave_a_gap, Kind.GAP),
        (store_what_nobody_sent, Kind.UNASKED),
        (store_what_was_refused, Kind.UNASKED),
        (store_half_a_push, Kind.HALF_APPLIED),
        (answer_half_a_push_as_new, Kind.HALF_APPLIED),
        (answer_duplicate_at_the_first_try, Kind.FALSE_DUPLICATE),
        (leave_the_cursor_behind, Kind.NOT_COMMITTED),
        (count_a_commit_twice, Kind.NOT_COMMITTED),
        (have_no_cursor, Kind.NOT_COMMITTED),
        (deliver_one_never, Kind.NOT_DELIVERED),
        (deliver_in_another_order, Kind.OUT_OF_ORDER),
        (deliver_what_is_not_stored, Kind.INVENTED),
        (lease_to_two_at_a_time, Kind.TWO_HOLDERS),
        (deliver_again_what_was_committed, Kind.DELIVERED_AGAIN),
        (deliver_again_though_only_a_commit_ended_the_lease, Kind.DELIVERED_AGAIN),
        (deliver_again_after_a_nack_that_was_refused, Kind.DELIVERED_AGAIN),
        (accept_an_ack_too_late, Kind.LATE_ACK),
    ],
    ids=lambda value: value.__name__ if callable(value) else value.name.lower(),
)
def test_what_is_wrong_is_found(change: Callable[[History], None], kind: Kind) -> None:
    history = History()
    change(history)
    assert kind in kinds(history.verdict().findings), str(history.verdict())


# What a fault may do without a broken promise -------------------------------------------------------------


def give_up_a_push_that_was_not_stored(history: History) -> None:
    history.records.pushes.append(sent("e", "f", outcome=Outcome.UNKNOWN))


def give_up_a_push_that_was_stored(history: History) -> None:
    history.records.pushes[1] = sent("c", "d", outcome=Outcome.UNKNOWN)


def give_up_a_push_that_was_stored_behind_the_next(history: History) -> None:
    history.records.pushes = [sent("c", "d", outcome=Outcome.UNKNOWN), sent("a", "b")]


def refuse_a_push(history: History) -> None:
    history.records.pushes.append(sent("e", "f", outcome=Outcome.REFUSED))


def retry_a_push_whose_answer_was_lost(history: History) -> None:
    history.records.pushes[0] = replace(sent("a", "b", answers="duplicate"), unknown_tries=1)


def let_a_lease_run_out(history: History) -> None:
    """Nobody acks the first lease; its messages come again when its time has passed."""
    history.records.takes = [taken("ab", "L1", 0.0, 0.1), taken("abcd", "L2", 1.9, 2.1)]
    history.records.acks = [acked("L2", 2.2, *map(done, "abcd"))]


def repeat_an_ack_whose_answer_was_lost(history: History) -> None:
    unanswered = (replace(done(each), success=None) for each in "bcd")
    history.records.acks[1:] = [
        acked("L2", 0.5, *unanswered),
        acked("L2", 9.5, *(done(each, noop=True) for each in "bcd")),
    ]


@pytest.mark.parametrize(
    "change",
    [
        give_up_a_push_that_was_not_stored,
        give_up_a_push_that_was_stored,
        give_up_a_push_that_was_stored_behind_the_next,
        refuse_a_push,
        retry_a_push_whose_answer_was_lost,
        let_a_lease_run_out,
        repeat_an_ack_whose_answer_was_lost,
    ],
)
def test_what_a_fault_may_do_is_no_finding(change: Callable[[History], None]) -> None:
    history = History()
    change(history)
    assert not history.verdict().findings, str(history.verdict())


def test_the_figures_tell_the_unknown_and_the_repeats_apart() -> None:
    history = History()
    give_up_a_push_that_was_not_stored(history)
    refuse_a_push(history)
    let_a_lease_run_out(history)
    figures = history.verdict().figures
    assert (figures.unknown_not_stored, figures.refused, figures.nacked, figures.ran_out) == (2, 2, 0, 2)
