"""Whether one stage of load met an objective, by what was measured of it. Pure.

The rules that make a verdict true:

- A push that is not answered when the window is judged, `Objective.p99_ms` after its end, counts as over
  the objective; else the slowest would be missing from the percentile.
- A push that was refused, held back or left without an answer fails the stage: such a load is not carried.
- A stage is steady when its second half by itself gives the verdict of the whole. One that is not has not
  settled yet, or is getting worse. A window whose steps do not tell of all its pushes, for a checkpoint
  took the place of a worker's report, shows nothing, so it is not steady either.
- A stage without the load that was asked for meets nothing, however fast the answers to the rest were.
- A stage that failed for want of load, or where the generator was late and not the server slow, to answer or
  to take a connection, says nothing of the server: the generator was the limit.
"""

import math
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from loadtests.load.measuring.histogram import HistogramCounts, LatencyHistogram
from loadtests.load.measuring.part import Part, Step
from loadtests.results import busiest
from loadtests.runs.validity import CORE_SHARE, MISSED_LIMIT, SENT_LEAST

SLOW_SHARE = 0.01  # of the pushes that were due may take longer
CHANCE = 3.0  # standard deviations of a count that are nothing to wonder at
END_SLACK = 0.01  # of a step: by so much the last one may be cut short

Clock = Literal["response", "service"]


class Objective(Struct, frozen=True, kw_only=True):
    """99 of 100 pushes are answered within `p99_ms`, and none fails."""

    p99_ms: float = 50.0
    clock: Clock = "response"  # from the intended start; "service": from the socket write

    def __str__(self) -> str:
        return f"p99 ≤ {self.p99_ms:g} ms{'' if self.clock == 'response' else ' from the send'}"


class Judgement(Struct, frozen=True, kw_only=True):
    """What there is to say of a stage."""

    met: bool
    steady: bool
    limit: str = ""  # why the generator was the limit; empty: it was not
    line: str  # all of it, for people


class Tail(Struct, frozen=True):
    """The pushes of some steps that count against the objective."""

    due: int
    slow: int  # answered too late, or not yet
    failed: int  # refused, unknown or held back

    @property
    def met(self) -> bool:
        """Whether these steps meet the objective; where nothing was due nothing is shown."""
        return self.due > 0 and self.failed == 0 and self.slow <= SLOW_SHARE * self.due


def judge(measured: Part, objective: Objective, *, asked: float) -> Judgement:
    """Judge one window, in which `asked` pushes should have been due."""
    steps = measured.steps
    whole = tail(steps, objective, objective.clock)
    later = tail(_second_half(measured), objective, objective.clock)
    wanting = _wanting(measured, asked)
    met = whole.met and not wanting
    limit = "" if met else wanting or _late(measured, objective)
    steady = whole.met == later.met and whole.due == measured.counts.due
    line = _line(measured, objective, whole, limit, steady, met=met)
    return Judgement(met=met, steady=steady, limit=limit, line=line)


def tail(steps: Iterable[Step], objective: Objective, clock: Clock) -> Tail:
    """What counts against the objective, by one of the two clocks."""
    due = slow = failed = 0
    for step in steps:
        times = _times(step, clock)
        due += step.due
        slow += step.due - step.sent - step.missed - step.held  # not answered yet
        slow += sum(count for micros, count in times.buckets if micros > objective.p99_ms * 1000)
        failed += step.sent - times.count + step.held
    return Tail(due, slow, failed)


def _times(measured: Part | Step, clock: Clock) -> HistogramCounts:
    return measured.response if clock == "response" else measured.service


def _second_half(measured: Part) -> list[Step]:
    length_s = max((share.measured_s for share in measured.workers), default=0.0)
    whole = int(length_s / measured.step_s + END_SLACK)
    return [step for step in measured.steps if step.index >= whole / 2]


def _wanting(measured: Part, asked: float) -> str:
    """Why a stage did not have the load that was asked for; empty: it had."""
    due = sum(step.due for step in measured.steps)
    if measured.counts.missed > MISSED_LIMIT * due:
        return f"{measured.counts.missed} pushes over the in-flight cap"
    producers = sum(share.producers for share in measured.workers)
    by_chance = producers + CHANCE * math.sqrt(asked)  # each has whole pushes; arrivals may be Poisson's
    if due + by_chance < SENT_LEAST * asked:
        return f"{due} of {asked:.0f} pushes were due"
    return ""


def _late(measured: Part, objective: Objective) -> str:
    """Why a stage that did not meet the objective says nothing of the server; empty: it does."""
    share = busiest(measured.workers)
    if share is not None and share.cores > CORE_SHARE:
        return f"it used {share.cores:.0%} of a core"
    service, lag = (LatencyHistogram.of(each).latency() for each in (measured.service, measured.lag))
    if not tail(measured.steps, objective, "service").met or service is None or lag is None:
        return ""
    if service.p99_ms + lag.p99_ms <= objective.p99_ms:  # then it was the wait for a connection
        return ""
    return f"its schedule lag p99 was {lag.p99_ms:.1f} ms"


def _line(measured: Part, objective: Objective, whole: Tail, limit: str, steady: bool, *, met: bool) -> str:
    found = LatencyHistogram.of(_times(measured, objective.clock)).latency()
    words = [f"p99 {found.p99_ms:.1f} ms" if found else "nothing acknowledged"]
    if not whole.met and whole.slow:
        words.append(f"{whole.slow / whole.due:.1%} over {objective.p99_ms:g} ms or not answered")
    if whole.failed:
        words.append(f"{whole.failed} pushes refused, held back or without outcome")
    if limit:
        words.append(f"the generator was the limit: {limit}")
    if not steady:
        words.append("not steady")
    return f"{'met' if met else 'not met'}: {', '.join(words)}"
