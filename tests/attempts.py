"""A promise that something is soon done, on a machine that may stand still for seconds.

A test that has measured more than the promise does not know who was slow. It tries again until several
attempts in a row are in time: code that keeps its promise does so where the machine lets it, and code that
breaks it, were it only now and then, is not proved by one lucky attempt. What holds however slow the machine
is (what was done, the least that it takes) is asserted as ever, and fails at once.

    for attempt in attempts():
        with attempt:
            began_s = perf_counter()
            await poll(f"queue-{attempt.number}")
            in_time(perf_counter() - began_s, 0.5)
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType

ATTEMPTS = 8
MADE_GOOD_BY = 3  # attempts in a row that are in time, after one that was not


class TooLate(AssertionError):
    """An attempt came too late to prove anything."""


def in_time(took_s: float, within_s: float) -> None:
    """Raises TooLate where it took as long as that or longer."""
    if took_s >= within_s:
        raise TooLate(f"it took {took_s:.3f} s, and should have taken less than {within_s} s")


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """Cut the block off when that time is over, and raise TooLate."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise TooLate(f"it should have taken less than {seconds} s") from None


@dataclass
class Attempt:
    """One of several, the first of which has the number 1; a block that TooLate may leave."""

    number: int
    last: bool
    done: bool = False

    def __enter__(self) -> "Attempt":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.done = error is None
        return isinstance(error, TooLate) and not self.last


def attempts(most: int = ATTEMPTS, made_good_by: int = MADE_GOOD_BY) -> Iterator[Attempt]:
    """One that is in time, or as many in a row as make a late one good; else the last late one is raised."""
    in_a_row = 0
    for number in range(1, most + 1):
        attempt = Attempt(number, last=number + made_good_by > most)
        yield attempt
        in_a_row = in_a_row + 1 if attempt.done else 0
        if in_a_row == (1 if in_a_row == number else made_good_by):
            return
