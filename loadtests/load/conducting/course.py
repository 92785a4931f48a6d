"""The course of a run: one stage of offered load after the other. Pure: no clock, no gevent, no Locust.

Users stay the same through a run; what moves is the rate that they offer together. Whoever conducts a
run (`conductor.py`) asks its course for a stage, carries that out, has the course judge what was measured,
and asks again.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from msgspec import Struct

from loadtests.load.measuring.part import Part
from loadtests.results import Invalidity


class Stage(Struct, frozen=True, kw_only=True):
    """A span of time with one offered load.

    First it settles, then comes its window. Answers that come within `grace_s` after the window are in
    its figures; later ones are pending when it is judged.
    """

    number: int  # from 1, that of its window; 0: there is no window, see `rests`
    label: str  # for people
    rate_msg_s: float | None  # offered by all producers together; None: what the plan says
    settle_s: float = 0.0
    measure_s: float | None = None  # None: until the run is ended from outside
    grace_s: float = 0.0

    @property
    def rests(self) -> bool:
        """Whether nothing is sent: until all is answered, at most for `measure_s`."""
        return self.rate_msg_s == 0


class Course(Protocol):
    """Gives the stages of one run, each when the one before is over."""

    def length_s(self) -> float | None:
        """Seconds that all stages take together; None: that is not known beforehand."""
        ...

    def next(self) -> Stage | None:
        """The stage that comes now; None: the run is over."""
        ...

    def judge(self, stage: Stage, measured: Part) -> str:
        """What there is to say of the window of a stage, in one line; empty: nothing."""
        ...

    def counted(self) -> frozenset[int] | None:
        """Numbers of the stages whose sum the figures of the run are; None: of all."""
        ...

    def answer(self) -> str:
        """What the run has found, in one line; empty: it looked for nothing."""
        ...

    def remarks(self) -> tuple[Invalidity, ...]:
        """What there is to say against the answer."""
        ...


class Steps:
    """Stages that are known beforehand. A `Course`."""

    def __init__(self, stages: Iterable[Stage]) -> None:
        stages = tuple(stages)
        self._stages = iter(stages)
        self._lengths_s = [
            stage.settle_s + stage.measure_s for stage in stages if stage.measure_s is not None
        ]
        self._endless = len(self._lengths_s) < len(stages)
        self._measured = 0

    def length_s(self) -> float | None:
        """The sum of all, unless one has no end."""
        return None if self._endless else sum(self._lengths_s)

    def next(self) -> Stage | None:
        """The next in order."""
        return next(self._stages, None)

    def judge(self, stage: Stage, measured: Part) -> str:
        """Nothing: each is as good as the others."""
        self._measured += 1
        return ""

    def counted(self) -> frozenset[int] | None:
        """All of them."""
        return None

    def answer(self) -> str:
        """There is no question; of a run that ended early how many stages it had."""
        if self._measured == len(self._lengths_s):
            return ""
        return f"{self._measured} of {len(self._lengths_s)} stages were measured to their end"

    def remarks(self) -> tuple[Invalidity, ...]:
        """None."""
        return ()


def constant(rate_msg_s: float | None, settle_s: float) -> Steps:
    """One stage without end."""
    return Steps([Stage(number=1, label="constant", rate_msg_s=rate_msg_s, settle_s=settle_s)])


def ramp(first_msg_s: float, last_msg_s: float, steps: int, *, settle_s: float, step_s: float) -> Steps:
    """From one rate to another in even steps, each measured for `step_s` after it has settled.

    Raises ValueError for no steps, and for a single one that would have to be both rates.
    """
    if steps < 1 or (steps == 1 and first_msg_s != last_msg_s):
        raise ValueError(f"{steps} steps from {first_msg_s:g} to {last_msg_s:g} msg/s")
    rise = (last_msg_s - first_msg_s) / max(1, steps - 1)
    rates = [first_msg_s + rise * step for step in range(steps)]
    return _measured([(rate_label(rate), rate) for rate in rates], [step_s] * steps, settle_s)


def spike(base_msg_s: float, peak_msg_s: float, *, settle_s: float, base_s: float, peak_s: float) -> Steps:
    """A base load, a peak, and the base again: what the peak leaves behind is part of the last stage.

    Only the base settles: the peak is measured from its first moment on, and so is what follows.
    """
    names = [("base", base_msg_s), ("peak", peak_msg_s), ("after the peak", base_msg_s)]
    return _measured(names, [base_s, peak_s, base_s], settle_s, all_settle=False)


def rate_label(rate_msg_s: float) -> str:
    """A rate for people."""
    return f"{rate_msg_s:,.0f} msg/s"


def _measured(
    rates: Sequence[tuple[str, float]],
    lengths_s: Sequence[float],
    settle_s: float,
    *,
    all_settle: bool = True,
) -> Steps:
    return Steps(
        Stage(
            number=number,
            label=label,
            rate_msg_s=rate,
            settle_s=settle_s if all_settle or number == 1 else 0.0,
            measure_s=length_s,
        )
        for number, ((label, rate), length_s) in enumerate(zip(rates, lengths_s, strict=True), start=1)
    )
