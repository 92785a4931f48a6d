"""One deadline for a request, from which every step draws: time-outs must not add up."""

import time
from collections.abc import Callable

from msgspec import Struct


class Deadline(Struct, frozen=True, order=True):
    """An instant on the monotonic clock."""

    at_s: float

    @classmethod
    def after_ms(cls, milliseconds: float) -> "Deadline":
        """A deadline that many milliseconds from now."""
        return cls(time.monotonic() + milliseconds / 1000)

    def within_ms(self, milliseconds: float) -> "Deadline":
        """This deadline, or the one that many milliseconds from now if that is sooner."""
        at_s = time.monotonic() + milliseconds / 1000
        return self if self.at_s <= at_s else Deadline(at_s)

    def remaining_s(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at_s - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether it lies in the past."""
        return time.monotonic() >= self.at_s


# Begins a deadline at the call: who takes requests is given one of these, not a number of ms.
StartDeadline = Callable[[], Deadline]
