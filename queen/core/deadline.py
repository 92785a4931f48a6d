"""One deadline for a request, from which every step draws: time-outs must not add up."""

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """An instant on the monotonic clock."""

    at_s: float

    @classmethod
    def after_ms(cls, milliseconds: float) -> "Deadline":
        """A deadline that many milliseconds from now."""
        return cls(time.monotonic() + milliseconds / 1000)

    def remaining_s(self, at_most_ms: float | None = None) -> float:
        """Seconds left, never negative; no more than `at_most_ms` when that is given."""
        left = max(0.0, self.at_s - time.monotonic())
        return left if at_most_ms is None else min(left, at_most_ms / 1000)

    @property
    def passed(self) -> bool:
        """Whether it lies in the past."""
        return time.monotonic() >= self.at_s
