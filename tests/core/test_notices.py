"""What is still to be told: merged, and never more than is worth naming."""

from hypothesis import given
from hypothesis import strategies as st

from queen.core.notices import Change, Gathering

NAMES = st.sampled_from("abcdef")
CHANGES = st.builds(
    Change,
    queue=NAMES,
    group=st.none() | NAMES,
    partitions=st.none() | st.frozensets(NAMES, min_size=1),
)


def told_nothing_new() -> Gathering:
    gathering = Gathering()
    gathering.take()
    return gathering


def names(count: int) -> frozenset[str]:
    return frozenset(map(str, range(count)))


def test_whoever_was_told_nothing_must_look_at_anything() -> None:
    gathering = Gathering()
    gathering.add(Change("q", None, names(1)))
    assert gathering.take() is None
    assert gathering.take() == ()


def test_what_is_told_is_not_told_again() -> None:
    gathering = told_nothing_new()
    gathering.add(Change("q", None, names(1)))
    assert gathering.take() == (Change("q", None, names(1)),)
    assert gathering.take() == ()


@given(st.lists(CHANGES))
def test_it_tells_every_change_and_no_other(changes: list[Change]) -> None:
    gathering = told_nothing_new()
    for change in changes:
        gathering.add(change)
    told = gathering.take()
    assert told is not None
    expected: dict[tuple[str, str | None], frozenset[str] | None] = {}
    for change in changes:
        key = (change.queue, change.group)
        known = expected.get(key, frozenset())
        if known is None or change.partitions is None:
            expected[key] = None
        else:
            expected[key] = known | change.partitions
    assert {(change.queue, change.group): change.partitions for change in told} == expected
    assert len(told) == len(expected)


def test_too_many_partitions_are_not_named_however_they_come() -> None:
    most = Gathering.MOST_PARTITIONS
    for steps in ([names(most + 1)], [names(most), frozenset({"one more"})], [names(most + 1), names(1)]):
        gathering = told_nothing_new()
        for step in steps:
            gathering.add(Change("q", "g", step))
        assert gathering.take() == (Change("q", "g", None),)
    gathering = told_nothing_new()
    gathering.add(Change("q", "g", names(most)))
    assert gathering.take() == (Change("q", "g", names(most)),)


def test_too_many_changes_are_anything() -> None:
    gathering = told_nothing_new()
    for number in range(Gathering.MOST_CHANGES):
        gathering.add(Change(f"q{number}", None, names(1)))
    told = gathering.take()
    assert told is not None
    assert len(told) == Gathering.MOST_CHANGES
    for number in range(Gathering.MOST_CHANGES + 1):
        gathering.add(Change(f"q{number}", None, names(1)))
    assert gathering.take() is None
