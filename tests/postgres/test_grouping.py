"""The messages of a push are grouped as the database wants them, and its answer finds the way back."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from queen.core.store import NewMessage, PartitionName
from queen.postgres.grouping import group

NAMES = st.text(max_size=3) | st.sampled_from(["x" * 128, "y" * 128, "x" * 129])
PAIRS = st.lists(st.tuples(st.integers(1, 4), st.sampled_from("abcdef")), max_size=30)


def messages(pairs: list[tuple[int, str]]) -> list[NewMessage]:
    return [
        NewMessage(str(UUID(int=index)), PartitionName("orders", str(partition)), name, None, b"1")
        for index, (partition, name) in enumerate(pairs)
    ]


@given(PAIRS)
def test_each_pair_is_sent_once_among_those_of_its_partition(pairs: list[tuple[int, str]]) -> None:
    grouped = group(messages(pairs), [partition for partition, _ in pairs])
    assert list(grouped.partitions) == sorted({partition for partition, _ in pairs})
    assert [UUID(message.id).int for message in grouped.messages] == list(grouped.sent)
    assert grouped.firsts[-1] == len(grouped.sent) + 1
    for slot, partition in enumerate(grouped.partitions):
        indices = list(grouped.sent[grouped.firsts[slot] - 1 : grouped.firsts[slot + 1] - 1])
        expected = dict.fromkeys(name for at, name in pairs if at == partition)
        assert [pairs[index] for index in indices] == [(partition, name) for name in expected]
        assert indices == [pairs.index(pair) for pair in ((partition, name) for name in expected)]


@given(st.lists(st.tuples(st.integers(1, 3), NAMES), min_size=1, max_size=30))
def test_the_lowest_and_the_highest_id_of_each_partition(pairs: list[tuple[int, str]]) -> None:
    partitions, _, lowest, highest, *_ = group(messages(pairs), [at for at, _ in pairs]).columns()
    for partition, low, high in zip(partitions, lowest, highest, strict=True):
        ordered = sorted((name for at, name in pairs if at == partition), key=lambda name: (len(name), name))
        short = [name for name in ordered if len(name) <= 128]
        assert low == (ordered[0] if short == ordered else "")
        assert high == (short[-1] if short else "")


@given(PAIRS, st.sets(st.tuples(st.integers(1, 4), st.sampled_from("abcdef"))))
def test_the_answer_is_that_of_one_after_the_other(
    pairs: list[tuple[int, str]], stored: set[tuple[int, str]]
) -> None:
    ids = {pair: UUID(int=1_000 + number) for number, pair in enumerate(sorted(stored))}
    grouped = group(messages(pairs), [partition for partition, _ in pairs])
    found = [(number, ids[pairs[index]]) for number, index in enumerate(grouped.sent) if pairs[index] in ids]
    expected = {}
    for index, pair in enumerate(pairs):
        if pair in ids:
            expected[index] = ids[pair]
        else:
            ids[pair] = UUID(int=index)
    assert grouped.existing(found) == {index: str(there) for index, there in expected.items()}
