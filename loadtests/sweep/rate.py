"""An offered rate as an experiment states it: messages per second, or a share of a measured capacity.

    RATE     ::= NUMBER | [ NUMBER "*" ] CAPACITY
    CAPACITY ::= "capacity(" STRATEGY { "," FACTOR "=" NUMBER } ")"
    FACTOR   ::= "pool" | "rtt" | "batch"

`0.7 * capacity(sequential, pool=20, rtt=0)` is seven tenths of the median throughput of the valid
closed-loop trials of that cell; which trials those are is the sweep's to find. A number that no cell can
have is refused when the text is read, a rate that no generator can offer once the capacity is known.
"""

import re
import statistics
from collections.abc import Iterable, Mapping

from msgspec import Struct

from loadtests.load.bounds import MOST_NUMBER, MOST_POOL, number, shown, whole_number
from loadtests.results import Cell, Trial
from queen.local.relay import MAX_RTT_MS

MOST_SHARE = 1_000  # of a capacity: a few times of it is overload enough

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

        Raises `RateError` when there is none, or when they are so few that nothing is left of the share.
        """
        measured = [t.load.throughput_msg_s for t in trials if t.valid and self.matches(t.cell)]
        if not measured:
            raise RateError(f"{self.text}: no valid trial of that cell was measured")
        capacity_msg_s = statistics.median(measured)
        rate_msg_s = round(self.share * capacity_msg_s, 1)
        if not rate_msg_s:
            raise RateError(f"{self.text}: of {capacity_msg_s:,.1f} msg/s that is less than 0.1 msg/s")
        return rate_msg_s


def parse(text: str) -> CapacityShare:
    """Read a capacity share. Raises `RateError`."""
    whole = _RATE.fullmatch(text)
    if whole is None:
        raise RateError(f"{shown(text)} is not a number or like '0.7 * capacity(sequential, pool=20, rtt=0)'")
    factors: dict[str, str] = {}
    rest = whole["factors"]
    while rest.strip():
        factor = _FACTOR.match(rest)
        if factor is None:
            raise RateError(
                f"{shown(text)}: expected ', pool=N', ', rtt=N' or ', batch=N' at {shown(rest.strip())}"
            )
        if factor["name"] in factors:
            raise RateError(f"{shown(text)}: {factor['name']} is given twice")
        factors[factor["name"]] = factor["number"]
        rest = rest[factor.end() :]
    said = {"share": whole["share"] or "1", **factors}
    try:
        return CapacityShare(
            text=text,
            share=_number(said, "share", MOST_SHARE, above=True),
            strategy=whole["strategy"],
            pool=_whole(said, "pool", MOST_POOL),
            rtt_ms=_number(said, "rtt", MAX_RTT_MS) if "rtt" in said else None,
            batch=_whole(said, "batch", int(MOST_NUMBER)),
        )
    except ValueError as error:
        raise RateError(f"{shown(text)}: {error}") from None


def _number(said: Mapping[str, str], name: str, most: float, *, above: bool = False) -> float:
    try:
        return number(said[name], 0, most, above=above)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def _whole(said: Mapping[str, str], name: str, most: int) -> int | None:
    try:
        return whole_number(said[name], 1, most) if name in said else None
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None
