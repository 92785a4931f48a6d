"""Connections needed = pushes per second × hold time.

L = λ·W: the average number of things in a system is the arrival rate times the average time that each
stays (Little, "A Proof for the Queuing Formula L = λW", Operations Research 9 (1961) 383-387). It
needs no distribution, only a system that is stable over the window. Here the system is the set of
connections in use: λ is what the load generator counted, W the hold time the pool measured. Hold time
and busy connections come from the same acquire and release, so that comparing λ·W with the busy ones
checks two clocks against each other, not the law.
"""

from msgspec import Struct

COMFORTABLE_UTILISATION = 0.7  # beyond it, random arrivals wait noticeably (M/M/c, Erlang C)


class Need(Struct, frozen=True):
    """What the law says beside what was measured."""

    pushes_per_s: float
    hold_ms: float
    connections_needed: float  # time average
    busy_measured: float | None = None  # time average, from the pool's own counters

    @property
    def disagreement(self) -> float | None:
        """Needed over measured, minus 1 (0.06: the law says 6 % more); None without a measurement."""
        if not self.busy_measured:
            return None
        return self.connections_needed / self.busy_measured - 1


def need(pushes_per_s: float, hold_ms: float, busy_measured: float | None = None) -> Need:
    """Little's law for a pool. Raises ValueError for a negative rate or time."""
    if pushes_per_s < 0 or hold_ms < 0:
        raise ValueError(f"negative rate or hold time: {pushes_per_s}/s, {hold_ms} ms")
    return Need(pushes_per_s, hold_ms, pushes_per_s * hold_ms / 1000, busy_measured)


def statements_per_push(hold_far_ms: float, hold_near_ms: float, rtt_difference_ms: float) -> float | None:
    """Round trips per push, read off two hold times that differ only in the round trip.

    A push keeps its connection for a round trip per statement, plus the database's work. None when the
    round trips do not differ.
    """
    if rtt_difference_ms <= 0:
        return None
    return max(0.0, (hold_far_ms - hold_near_ms) / rtt_difference_ms)
