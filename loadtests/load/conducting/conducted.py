"""What became of a course: its stages, and which of their windows the figures of the run are of. Pure."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from loadtests.load.conducting.course import Stage
from loadtests.load.measuring.figures import load_result
from loadtests.load.measuring.part import Part, merge
from loadtests.results import Invalidity, StageResult, WorkerShare, lost_workers


def stage_result(stage: Stage, measured: Part, verdict: str) -> StageResult:
    """What is written of a stage: its offer, the figures of its window, and what was said of it."""
    return StageResult(
        number=stage.number,
        label=stage.label,
        rate_msg_s=stage.rate_msg_s,
        load=load_result(measured),
        verdict=verdict,
    )


class Conducted(Struct, frozen=True):
    """A course until its end, or until it was stopped. The number of a stage is that of its window."""

    stages: tuple[StageResult, ...] = ()  # those that were measured to their end
    counted: frozenset[int] | None = None  # of which the figures of the run are the sum; None: of all
    answer: str = ""
    remarks: tuple[Invalidity, ...] = ()
    under_way: Stage | None = None  # whose window was open when the run ended

    @property
    def rate_msg_s(self) -> float | None:
        """What the counted stages offered; None: a mixture of rates."""
        rates = {stage.rate_msg_s for stage in self.stages if self._counts(stage.number)}
        return rates.pop() if len(rates) == 1 else None

    def with_late_answers(self, windows: Sequence[Part]) -> "Conducted":
        """The same with the figures of the end, where answers are in that came after a stage was judged."""
        late = {window.window: window for window in windows}
        stages = (
            replace(stage, load=load_result(late[stage.number])) if stage.number in late else stage
            for stage in self.stages
        )
        return replace(self, stages=tuple(stages))

    def cut_short(self, windows: Sequence[Part]) -> tuple[StageResult, ...]:
        """The stage whose window was open when the run ended, which is in no sum of several; or none."""
        stage = self.under_way
        return tuple(
            stage_result(stage, window, "cut short")
            for window in windows
            if stage is not None and window.window == stage.number
        )

    def counted_part(self, windows: Sequence[Part]) -> Part:
        """The sum of the counted windows, with the ledger of the whole run, and who was lost in it.

        When no stage was measured to its end, of all that there is.
        """
        ended = {stage.number for stage in self.stages if self._counts(stage.number)}
        chosen = [window for window in windows if window.window in ended] or windows
        whole, counted = merge(windows), merge(chosen)
        workers = (*counted.workers, *_lost_before(whole, counted))
        return replace(counted, ledger=whole.ledger, lanes=whole.lanes, workers=workers)

    def _counts(self, number: int) -> bool:
        return self.counted is None or number in self.counted


def _lost_before(whole: Part, counted: Part) -> list[WorkerShare]:
    """A share without measurements of each worker that was lost in a window that does not count."""
    there = lost_workers(counted.workers)
    lost = {share.worker: share for share in whole.workers if not share.complete}
    return [
        replace(share, window=counted.window, cpu_s=0.0, measured_s=0.0, producer_s=0.0)
        for worker, share in lost.items()
        if worker not in there
    ]
