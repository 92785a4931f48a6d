"""Instants that travel in messages, between processes that share no other clock than the machine's own."""

from datetime import UTC, datetime
from time import perf_counter


def epoch_us(at_s: float) -> int:
    """An instant of `perf_counter` (s) in microseconds since the epoch, by the clock as it goes now."""
    return int((datetime.now(UTC).timestamp() - perf_counter() + at_s) * 1e6)
