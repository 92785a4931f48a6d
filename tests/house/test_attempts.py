import pytest

from tests.attempts import TooLate, attempts, in_time


def late(*took_s: float) -> list[int]:
    """The numbers of the attempts that were made, the n-th of which takes so long."""
    made = []
    for attempt in attempts(len(took_s)):
        with attempt:
            made.append(attempt.number)
            in_time(took_s[attempt.number - 1], 1.0)
    return made


def test_the_first_that_is_in_time_is_the_last() -> None:
    assert late(0.5, 5.0) == [1]
    assert late(5.0, 1.0, 0.9, 0.9) == [1, 2, 3]


def test_what_is_late_each_time_is_told() -> None:
    with pytest.raises(TooLate, match=r"it took 3\.000 s, and should have taken less than 1\.0 s"):
        late(5.0, 3.0)


def failing(error: type[Exception], made: list[int]) -> None:
    """Attempts that fail with that error, and write down their numbers."""
    for attempt in attempts(3):
        with attempt:
            made.append(attempt.number)
            raise error


@pytest.mark.parametrize(
    ("error", "tries"), [(AssertionError, 1), (ValueError, 1), (TooLate, 3), (TimeoutError, 3)]
)
def test_only_what_may_be_the_machines_fault_is_tried_again(error: type[Exception], tries: int) -> None:
    made: list[int] = []
    with pytest.raises(error):
        failing(error, made)
    assert made == list(range(1, tries + 1))
