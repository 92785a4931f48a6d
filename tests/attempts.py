"""A promise that something is soon done, on a machine that may stand still for seconds.

A test that has measured more than the promise does not know who was slow. It tries again, a few times: code
that keeps its promise does so where the machine lets it, and code that breaks it is late each time. What
holds however slow the machine is (what was done, the least that it takes) is asserted as ever, and fails at
once.

    for attempt in attempts():
        with attempt:
            began_s = perf_counter()
            await poll(f"queue-{attempt.number}")
            in_time(perf_counter() - began_s, 0.5)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType

ATTEMPTS = 5


class TooLate(AssertionError):
    """An attempt came too late to prove anything."""


def in_time(took_s: float, within_s: float) -> None:
    """Raises TooLate where it took as long as that or longer."""
    if took_s >= within_s:
        raise TooLate(f"it took {took_s:.3f} s, and should have taken less than {within_s} s")


@dataclass
class Attempt:
    """One of several, the first of which has the number 1; a block that TooLate or TimeoutError may leave."""

    number: int
    last: bool
    done: bool = False

    def __enter__(self) -> "Attempt":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.done = error is None
        return isinstance(error, TooLate | TimeoutError) and not self.last


def attempts(most: int = ATTEMPTS) -> Iterator[Attempt]:
    """Until one is in time. The last one raises what the others keep to themselves."""
    for number in range(1, most + 1):
        attempt = Attempt(number, last=number == most)
        yield attempt
        if attempt.done:
            return
