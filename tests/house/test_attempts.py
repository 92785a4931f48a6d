import asyncio

import pytest

from tests.attempts import TooLate, attempts, in_time, within


def late(*took_s: float) -> list[int]:
    """The numbers of the attempts that were made, the n-th of which takes so long."""
    made = []
    for attempt in attempts(len(took_s), made_good_by=2):
        with attempt:
            made.append(attempt.number)
            in_time(took_s[attempt.number - 1], 1.0)
    return made


def test_one_that_is_in_time_is_enough() -> None:
    assert late(0.5, 5.0, 5.0) == [1]


def test_a_late_one_is_made_good_by_several_in_a_row() -> None:
    assert late(1.0, 0.9, 0.9, 0.9) == [1, 2, 3]
    assert late(5.0, 0.9, 1.0, 0.9, 0.9, 0.9) == [1, 2, 3, 4, 5]


def test_what_is_late_each_time_is_told() -> None:
    with pytest.raises(TooLate, match=r"it took 3\.000 s, and should have taken less than 1\.0 s"):
        late(5.0, 3.0, 0.9)


def test_now_and_then_is_not_often_enough() -> None:
    with pytest.raises(TooLate):
        late(5.0, 0.5, 5.0, 0.5, 5.0, 0.5)


def failing(error: type[Exception], made: list[int]) -> None:
    """Attempts that fail with that error, and write down their numbers."""
    for attempt in attempts(3, made_good_by=1):
        with attempt:
            made.append(attempt.number)
            raise error


@pytest.mark.parametrize(("error", "tries"), [(AssertionError, 1), (TimeoutError, 1), (TooLate, 3)])
def test_only_what_may_be_the_machines_fault_is_tried_again(error: type[Exception], tries: int) -> None:
    made: list[int] = []
    with pytest.raises(error):
        failing(error, made)
    assert made == list(range(1, tries + 1))


async def test_a_block_that_is_cut_off_is_late() -> None:
    async with within(10):
        pass
    with pytest.raises(TooLate):
        async with within(0.01):
            await asyncio.Event().wait()
