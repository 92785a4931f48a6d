"""An offered rate as an experiment states it: messages per second, or a share of a measured capacity.

    RATE     ::= NUMBER | [ NUMBER "*" ] CAPACITY
    CAPACITY ::= "capacity(" STRATEGY { "," FACTOR "=" NUMBER } ")"
    FACTOR   ::= "pool" | "rtt" | "batch"

`0.7 * capacity(sequential, pool=20, rtt=0)` is seven tenths of the median throughput of the valid
closed-loop trials of that cell; which trials those are is the sweep's to find.
"""

import re
import statistics
from collections.abc import Iterable

from msgspec import Struct

from loadtests.results import Cell, Trial

_NUMBER = r"\d+(?:\.\d+)?"
_RATE = re.compile(
    rf"\s*(?:(?P<share>{_NUMBER})\s*\*\s*)?capacity\(\s*(?P<strategy>[a-z_]+)(?P<factors>[^()]*)\)\s*",
    re.ASCII,
)
_FACTOR = re.compile(rf"\s*,\s*(?P<name>pool|rtt|batch)\s*=\s*(?P<number>{_NUMBER})\s*", re.ASCII)


class RateError(ValueError):
    """The text is not a rate, or no measured capacity answers it. One line."""


class CapacityShare(Struct, frozen=True, kw_only=True):
    """A share of the capacity of one cell. A factor that is None may have any value."""

    text: str  # as it was written
    share: float
    strategy: str
    pool: int | None = None
    rtt_ms: float | None = None
    batch: int | None = None

    def matches(self, cell: Cell) -> bool:
        """Whether that cell's capacity is meant."""
        return (
            cell.loop == "closed"
            and cell.strategy == self.strategy
            and self.pool in (None, cell.pool)
            and self.rtt_ms in (None, cell.db_rtt_ms)
            and self.batch in (None, cell.batch)
        )

    def resolve(self, trials: Iterable[Trial]) -> float:
        """Messages per second: `share` × median of the matching valid trials.

        Raises `RateError` when there is none.
        """
        measured = [t.load.throughput_msg_s for t in trials if t.valid and self.matches(t.cell)]
        if not measured:
            raise RateError(f"{self.text}: no valid trial of that cell was measured")
        return round(self.share * statistics.median(measured), 1)


def parse(text: str) -> CapacityShare:
    """Read a capacity share. Raises `RateError`."""
    whole = _RATE.fullmatch(text)
    if whole is None:
        raise RateError(f"{text!r} is not a number or like '0.7 * capacity(sequential, pool=20, rtt=0)'")
    factors: dict[str, float] = {}
    rest = whole["factors"]
    while rest.strip():
        factor = _FACTOR.match(rest)
        if factor is None:
            raise RateError(f"{text!r}: expected ', pool=N', ', rtt=N' or ', batch=N' at {rest.strip()!r}")
        if factor["name"] in factors:
            raise RateError(f"{text!r}: {factor['name']} is given twice")
        factors[factor["name"]] = float(factor["number"])
        rest = rest[factor.end() :]
    return CapacityShare(
        text=text,
        share=float(whole["share"] or 1),
        strategy=whole["strategy"],
        pool=_whole(text, factors.get("pool")),
        rtt_ms=factors.get("rtt"),
        batch=_whole(text, factors.get("batch")),
    )


def _whole(text: str, number: float | None) -> int | None:
    if number is None:
        return None
    if number != int(number):
        raise RateError(f"{text!r}: {number:g} is not a whole number")
    return int(number)
