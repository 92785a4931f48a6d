"""Connections needed = loans per second × hold time.

L = λ·W: the average number of things in a system is the arrival rate times the average time that each
stays (Little, "A Proof for the Queuing Formula L = λW", Operations Research 9 (1961) 383-387). It
needs no distribution, only a system that is stable over the window. Here the system is the set of
connections in use, and what arrives is a loan: one hold of one connection, from acquire to release.
Requests arrive at another system: where pushes share calls, one loan serves many of them, and requests/s
× hold time would count its connection once for each. Loans, hold times and busy connections come from
the same acquires and releases, so that comparing λ·W with the busy ones checks the window (was it
steady?) and its bookkeeping, not the law.
"""

COMFORTABLE_UTILISATION = 0.7  # beyond it, random arrivals wait noticeably (M/M/c, Erlang C)


def connections_needed(loans_per_s: float, hold_ms: float) -> float:
    """Connections in use, time average. Raises ValueError for a negative rate or time."""
    if loans_per_s < 0 or hold_ms < 0:
        raise ValueError(f"negative rate or hold time: {loans_per_s}/s, {hold_ms} ms")
    return loans_per_s * hold_ms / 1000


def statements_per_loan(hold_far_ms: float, hold_near_ms: float, rtt_difference_ms: float) -> float | None:
    """Round trips per loan, read off two hold times that differ only in the round trip.

    A loan keeps its connection for a round trip per statement, plus the database's work. None when the
    round trips do not differ.
    """
    if rtt_difference_ms <= 0:
        return None
    return max(0.0, (hold_far_ms - hold_near_ms) / rtt_difference_ms)
