"""How long looking up every message of a load may take."""

from collections.abc import Iterable

from loadtests.results import ProducerLedger

LEAST_S = 60.0
ROWS_PER_S = 20_000  # a poor machine reads and sorts five to fifteen times as many


def patience_s(producers: Iterable[ProducerLedger]) -> float:
    """Seconds, by the number of messages that may be stored; never less than `LEAST_S`."""
    messages = sum(
        last - first + 1 for each in producers for first, last in (*each.acknowledged, *each.unknown)
    )
    return max(LEAST_S, messages / ROWS_PER_S)
