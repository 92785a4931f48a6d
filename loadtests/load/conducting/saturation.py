"""The search for the highest rate that meets an objective: bracketing, then bisection. Pure.

From a first rate up by a factor until a step fails (or down until one does not), then the middle between
the highest that passed and the lowest that failed, on a logarithmic scale, until the two are within the
precision. Then both are tried again, for one stage may fail by chance. If the one that failed passes, the
search goes on above it, at most three times. The one that passed must pass in two of three tries; if it does
not, the next precision step below it takes its place. After a step that failed the load rests until the
backlog is gone, for it would fail the next step as well. A step that is not steady is gone on with, at most
twice, and counts as failed then.
"""

import enum
import math
from collections.abc import Generator
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from loadtests.load.conducting.course import Stage, rate_label
from loadtests.load.conducting.objective import Judgement, Objective, judge
from loadtests.load.measuring.part import Part
from loadtests.results import Invalidity

PROLONGED_AT_MOST = 2
REFUTED_AT_MOST = 3  # rates that failed by chance
CONFIRMED_AT_MOST = 5  # rates, each a precision step below the one before
REST_S = 45.0  # at most: longer than a client's patience, so that nothing is in flight then


Limit = Literal["objective", "generator", "bounds"]


class Found(Struct, frozen=True, kw_only=True):
    """What a search has found so far."""

    best_msg_s: float | None = None  # the highest that passed; None: none did
    failed_msg_s: float | None = None  # the lowest that failed; None: none did
    confirmed: bool = False  # `failed_msg_s` failed twice, `best_msg_s` passed twice or a rate above it once
    limited_by: Limit = "objective"


class Search(Struct, frozen=True, kw_only=True):
    """Where to look. Raises ValueError for bounds that leave nothing to search."""

    first_msg_s: float  # tried first
    least_msg_s: float
    most_msg_s: float
    factor: float = 2.0  # from one rate to the next while only one side is known
    precision: float = 0.05  # of the answer, as a share

    def __post_init__(self) -> None:
        if not 0 < self.least_msg_s <= self.first_msg_s <= self.most_msg_s:
            bounds = f"{self.least_msg_s:g} to {self.most_msg_s:g} msg/s"
            raise ValueError(f"a search from {self.first_msg_s:g} within {bounds}")
        if self.factor <= 1 or self.precision <= 0:
            raise ValueError("a search needs a factor above 1 and a precision above 0")


class _Outcome(enum.Enum):
    PASSED = enum.auto()
    FAILED = enum.auto()
    LIMITED = enum.auto()  # by the generator: nothing is known of the server


Searching = Generator[Stage, Judgement | None, None]
Trying = Generator[Stage, Judgement | None, _Outcome]


class Saturation:
    """A `Course` that looks for the highest rate, in messages/s of all producers together.

    `batch` is of each push; a step settles for `settle_s` and is measured for `step_s`, 2 s or more.
    """

    def __init__(
        self, objective: Objective, search: Search, *, batch: int, settle_s: float, step_s: float
    ) -> None:
        self.found = Found()
        self._objective = objective
        self._search = search
        self._batch, self._settle_s, self._step_s = batch, settle_s, step_s
        self._stages = 0
        self._counted = 0  # number of the stage that the figures of the run are of
        self._judgement: Judgement | None = None
        self._passed: float | None = None  # the highest
        self._failed: list[float] = []  # that are above it, the lowest last
        self._steps = self._look()

    def length_s(self) -> float | None:
        """It depends on what is found."""
        return None

    def next(self) -> Stage | None:
        """The next step, or a rest."""
        judgement, self._judgement = self._judgement, None
        try:
            return self._steps.send(judgement)
        except StopIteration:
            return None

    def judge(self, stage: Stage, measured: Part) -> str:
        """Whether the step met the objective, and why not."""
        assert stage.rate_msg_s is not None
        asked = stage.rate_msg_s * self._step_s / self._batch
        self._judgement = judge(measured, self._objective, asked=asked)
        return self._judgement.line

    def counted(self) -> frozenset[int] | None:
        """The step of the answer; while nothing passed the last one that was tried."""
        return frozenset({self._counted}) if self._counted else None

    def answer(self) -> str:
        """What was found, and how sure it is."""
        found, objective = self.found, self._objective
        failed = _label(found.failed_msg_s)
        if found.best_msg_s is None:
            if found.failed_msg_s is None:
                return ""  # it was stopped
            if found.limited_by == "generator":
                return f"not known: the generator was the limit at {failed}"
            return f"no rate down to {failed} meets {objective} reliably"
        best = _label(found.best_msg_s)
        if found.limited_by == "generator":
            return f"at least {best} meet {objective}: at {failed} the generator was the limit"
        if found.failed_msg_s is None:
            return f"at least {best} meet {objective}: the search ends there"
        sure = "confirmed" if found.confirmed else "not confirmed"
        return f"the highest rate that meets {objective}: {best} ({sure}; {failed} does not)"

    def remarks(self) -> tuple[Invalidity, ...]:
        """The generator's limit, if the search met it."""
        if self.found.limited_by != "generator":
            return ()
        return (Invalidity(reason="generator_limited", detail=self.answer(), fatal=False),)

    def _look(self) -> Searching:
        sure = False
        for _ in range(REFUTED_AT_MOST + 1):
            yield from self._narrow()
            if self.found.limited_by == "generator":
                break
            sure = not self._failed or (yield from self._fails_again())
            if sure:
                break
        if self._passed is not None:
            yield from self._confirm(self._passed, sure)

    def _narrow(self) -> Searching:
        """Bracketing and bisection, until the bounds are close, or there is nowhere to go on."""
        while not self._is_narrow():
            rate = self._next_rate()
            outcome = yield from self._try(rate)
            if outcome is _Outcome.LIMITED:
                self.found = Found(best_msg_s=self._passed, failed_msg_s=rate, limited_by="generator")
                return
            if outcome is _Outcome.PASSED:
                self._passed = rate
            else:
                self._failed.append(rate)
            self._note()

    def _fails_again(self) -> Generator[Stage, Judgement | None, bool]:
        """Try the lowest that failed once more: whether that is so. If not it has passed."""
        rate = self._failed[-1]
        outcome = yield from self._try(rate)
        if outcome is _Outcome.LIMITED:
            self.found = replace(self.found, limited_by="generator")
        if outcome is not _Outcome.PASSED:
            return True
        self._passed = self._failed.pop()
        self._note()
        return False

    def _note(self) -> None:
        """What the bounds say is found."""
        high = self._failed[-1] if self._failed else None
        limited_by: Limit = "bounds" if self._at_bound() else "objective"
        self.found = Found(best_msg_s=self._passed, failed_msg_s=high, limited_by=limited_by)

    def _is_narrow(self) -> bool:
        if self._passed is None or not self._failed:
            return self._at_bound()
        return self._failed[-1] <= (1 + self._search.precision) * self._passed

    def _at_bound(self) -> bool:
        """Whether the search could only go on beyond its bounds."""
        search = self._search
        if not self._failed:
            return self._passed is not None and self._passed >= search.most_msg_s
        return self._passed is None and self._failed[-1] <= search.least_msg_s

    def _next_rate(self) -> float:
        low, search = self._passed, self._search
        if low is None:
            if not self._failed:
                return search.first_msg_s
            return max(self._failed[-1] / search.factor, search.least_msg_s)
        if not self._failed:
            return min(low * search.factor, search.most_msg_s)
        return math.sqrt(low * self._failed[-1])

    def _confirm(self, low: float, sure: bool) -> Searching:
        """The rate that is left, or the first below it that passes. `sure`: what failed did so twice."""
        rate = low
        for _ in range(CONFIRMED_AT_MOST):
            outcome = yield from self._try(rate)
            if outcome is _Outcome.FAILED:
                outcome = yield from self._try(rate)
            if outcome is _Outcome.PASSED:
                self.found = replace(self.found, best_msg_s=rate, confirmed=sure)
                return
            if outcome is _Outcome.LIMITED:
                best = low if rate == low else None  # below it nothing has passed yet
                self.found = Found(best_msg_s=best, failed_msg_s=rate, limited_by="generator")
                return
            self.found, sure = Found(failed_msg_s=rate), True
            rate /= 1 + self._search.precision

    def _try(self, rate_msg_s: float) -> Trying:
        """One rate, and a rest if it was too high. The generator's limit must show twice."""
        outcome = yield from self._settled(rate_msg_s)
        if outcome is _Outcome.LIMITED:
            yield self._rest()
            outcome = yield from self._settled(rate_msg_s)
        if outcome is not _Outcome.PASSED:
            yield self._rest()
        return outcome

    def _settled(self, rate_msg_s: float) -> Trying:
        """One rate, until its window is steady."""
        settle_s, prolonged = self._settle_s, 0
        while True:
            self._stages += 1
            judgement = yield Stage(
                number=self._stages,
                label=rate_label(rate_msg_s),
                rate_msg_s=rate_msg_s,
                settle_s=settle_s,
                measure_s=self._step_s,
                grace_s=self._objective.p99_ms / 1000,
            )
            assert judgement is not None, "a step is judged before the next is asked for"
            if judgement.steady or prolonged == PROLONGED_AT_MOST:
                break
            settle_s, prolonged = 0.0, prolonged + 1
        if judgement.steady and judgement.met:
            self._counted = self._stages
            return _Outcome.PASSED
        if self.found.best_msg_s is None:
            self._counted = self._stages
        return _Outcome.LIMITED if judgement.limit else _Outcome.FAILED

    def _rest(self) -> Stage:
        return Stage(number=0, label="rest", rate_msg_s=0.0, measure_s=REST_S)


def _label(rate_msg_s: float | None) -> str:
    return "?" if rate_msg_s is None else rate_label(rate_msg_s)
