import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from loadtests.load.plan import Consuming, LoadPlan, group_names, group_of, partition_of, producer_number
from loadtests.results import QUEUE_MODE


def plans(workers: int, partitions: int) -> list[LoadPlan]:
    return [
        LoadPlan(
            host="http://x",
            trial_directory="x",
            run_tag="t",
            worker=worker,
            workers=workers,
            partitions=partitions,
        )
        for worker in range(workers)
    ]


@given(workers=st.integers(1, 20), each=st.integers(1, 50), partitions=st.integers(1, 200))
def test_producers_of_all_workers_have_numbers_of_their_own_and_share_the_partitions(
    workers: int, each: int, partitions: int
) -> None:
    shared = plans(workers, partitions)
    numbers = {producer_number(plan, local) for plan in shared for local in range(each)}
    assert len(numbers) == workers * each
    taken = [partition_of(plan, local) for plan in shared for local in range(each)]
    used = [taken.count(partition) for partition in range(partitions)]
    assert max(used) - min(used) <= 1


def test_a_process_alone_counts_from_0() -> None:
    (plan,) = plans(1, 3)
    assert [producer_number(plan, local) for local in range(4)] == [0, 1, 2, 3]
    assert [partition_of(plan, local) for local in range(4)] == [0, 1, 2, 0]


@pytest.mark.parametrize(
    ("dealt", "groups"), [((4, 0), 2), ((0, 2), 2), ((1, 1), 2), ((3, 3), 2), ((2, 2), 4), ((2, 2, 2), 6)]
)
def test_every_group_has_a_consumer_however_they_are_dealt_out(dealt: tuple[int, ...], groups: int) -> None:
    consuming = Consuming(consumers=sum(dealt), groups=groups)
    shared = [replace(plan, consuming=consuming) for plan in plans(len(dealt), 1)]
    found = {group_of(plan, local) for plan in shared for local in range(dealt[plan.worker])}
    assert found == set(group_names(consuming))
    assert len(found) == groups


def test_without_groups_consumers_share_the_queue() -> None:
    (plan,) = plans(1, 1)
    assert group_of(replace(plan, consuming=Consuming(consumers=3)), 2) == QUEUE_MODE
