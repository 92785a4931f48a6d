"""The messages of a push are grouped as the database wants them, and its answer finds the way back."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from queen.core.store import NewMessage, PartitionName
from queen.postgres.grouping import group

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
