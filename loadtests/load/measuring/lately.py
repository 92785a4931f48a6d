"""What a load did in its last seconds, as the difference of what it told then and what it tells now.

Over a whole window a fault that is over would be said for ever, and one that has begun not for minutes.
What is told is of the latest window; where one begins in these seconds its part is added to what the one
before had told by then, so that at most a second of that is missing.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from time import perf_counter

from msgspec.structs import astuple, replace

from loadtests.load.measuring.figures import measured_s, unanswered
from loadtests.load.measuring.histogram import HistogramCounts
from loadtests.load.measuring.part import Counts, Part, count_errors, merge
from loadtests.results import ErrorCount, WorkerShare

LATELY_S = 5.0
LOOK_BACK_S = 10.0  # for the last acknowledgement: a Retry-After may hold everything up for 5 s
MOST_REASONS = 2  # kinds of failures that are named

Told = tuple[float, Part]  # when, by the clock


class Lately:
    """Keeps what a run has told in the last `LOOK_BACK_S`, about once a second; `clock` is `perf_counter`."""

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock = clock
        self._told = deque[Told]()

    def clear(self) -> None:
        """Another run begins."""
        self._told.clear()

    def tell(self, total: Part) -> None:
        """How the run is getting on: all of its latest window until now.

        Between two windows nothing is counted, so nothing is taken down: what is under way then would look
        as if nobody answered it.
        """
        told, at_s = self._told, self._clock()
        part = replace(total, ledger=(), lanes=(), steps=())
        if told and _is_closed(part, told[-1][1]):
            if not self._is_fresh():
                told.clear()
            return
        if not told:
            told.append((at_s - measured_s(part), _nothing(part)))
        told.append((at_s, part))
        while told[1][0] <= at_s - LOOK_BACK_S:
            told.popleft()

    def growth(self) -> Part | None:
        """What came of the last `LATELY_S`; None: nothing was told in that time."""
        told = tuple(self._told)
        if not self._is_fresh():
            return None
        return _growth(told[_last_until(told, told[-1][0] - LATELY_S) :])

    def in_vain(self) -> str:
        """That no push was acknowledged for `LATELY_S` and longer, though some were due, and why.

        In one line; empty: one was, or none was due.
        """
        told = _since_acknowledged(tuple(self._told))
        if not self._is_fresh() or told[-1][0] - told[0][0] < LATELY_S:
            return ""
        reasons = tuple(_reasons(told))
        lasted_s = int(told[-1][0] - told[0][0])
        return f"no push was acknowledged in the last {lasted_s} s: {'; '.join(reasons)}" if reasons else ""

    def _is_fresh(self) -> bool:
        return bool(self._told) and self._clock() - self._told[-1][0] < LATELY_S


def _is_closed(now: Part, before: Part) -> bool:
    """Whether the window is over: neither has its time gone on since then, nor was anything counted in it."""

    def told(part: Part) -> object:
        shares = [(share.worker, share.window, share.measured_s) for share in part.workers]
        return part.window, shares, replace(part.counts, pending=0)

    return told(now) == told(before)


def _since_acknowledged(told: Sequence[Told]) -> Sequence[Told]:
    """From the last time on at which a push had been acknowledged; if none was, all of it."""
    for place in range(len(told) - 1, 0, -1):
        (_, before), (_, now) = told[place - 1], told[place]
        if _acknowledged(now) > (_acknowledged(before) if before.window == now.window else 0):
            return told[place:]
    return told


def _acknowledged(part: Part) -> int:
    return part.counts.acknowledged + part.counts.duplicates


def _reasons(told: Sequence[Told]) -> Iterator[str]:
    """Why nothing was acknowledged; nothing when nothing was tried."""
    came = _growth(told)
    now_s, now = told[-1]
    for error in came.errors[:MOST_REASONS]:
        yield f"pushes were answered {_name(error)}" if error.status else _name(error)
    if len(came.errors) > MOST_REASONS:
        yield f"{len(came.errors) - MOST_REASONS} more kinds of failures"
    _, then = told[_last_until(told, now_s - LATELY_S)]
    if not came.counts.sent and min(unanswered(then), unanswered(now)):
        yield f"none of the {unanswered(now):,} that are under way was answered"
    if came.counts.held:
        yield "what falls due is not sent, as the server asks for a pause (Retry-After)"


def _name(error: ErrorCount) -> str:
    status = str(error.status) if error.status else ""
    code = "" if error.code == f"http_{error.status}" else error.code.replace("_", " ")
    return ": ".join(filter(None, (" ".join(filter(None, (status, code))), error.text)))


def _last_until(told: Sequence[Told], at_s: float) -> int:
    """The place of the last that was told by then, or of the first there is."""
    return max((place for place, (told_s, _) in enumerate(told) if told_s <= at_s), default=0)


def _growth(told: Sequence[Told]) -> Part:
    """From the first of these to the last, over all windows that there were."""
    pieces = []
    before = told[0][1]
    for _, of_window in groupby((part for _, part in told), key=lambda part: part.window):
        *_, last = of_window
        pieces.append(_difference(last, before if before.window == last.window else _nothing(last)))
    return merge(pieces)


def _nothing(part: Part) -> Part:
    """The same window when it had just begun."""
    return Part(
        run_tag=part.run_tag,
        window=part.window,
        started_at=part.started_at,
        started_monotonic_s=part.started_monotonic_s,
        warmup_s=part.warmup_s,
    )


def _difference(now: Part, before: Part) -> Part:
    """What came to a window in between: counts, failures, the CPU, and the clocks that the watch judges."""
    grown = (ours - theirs for ours, theirs in zip(astuple(now.counts), astuple(before.counts), strict=True))
    return replace(
        _nothing(now),
        counts=Counts(*grown),
        response=_grown(now.response, before.response),
        lag=_grown(now.lag, before.lag),
        errors=_new_errors(now.errors, before.errors),
        workers=tuple(_shares(now.workers, before.workers)),
    )


def _grown(now: HistogramCounts, before: HistogramCounts) -> HistogramCounts:
    """What it holds now and did not before; its maximum is at most that of all."""
    earlier = dict(before.buckets)
    buckets = ((micros, count - earlier.get(micros, 0)) for micros, count in now.buckets)
    return HistogramCounts(
        now.total_us - before.total_us, now.max_s, tuple(bucket for bucket in buckets if bucket[1] > 0)
    )


def _new_errors(now: Sequence[ErrorCount], before: Sequence[ErrorCount]) -> tuple[ErrorCount, ...]:
    requests = Counter[tuple[int, str, str]]()
    for error in now:
        requests[error.status, error.code, error.text] += error.requests
    for error in before:
        requests[error.status, error.code, error.text] -= error.requests
    return count_errors(
        ErrorCount(status=status, code=code, text=text, requests=count)
        for (status, code, text), count in (+requests).items()
    )


def _shares(now: Sequence[WorkerShare], before: Sequence[WorkerShare]) -> Iterator[WorkerShare]:
    earlier = {share.worker: share for share in before}
    for share in now:
        if (known := earlier.get(share.worker)) is None:
            yield share
        else:
            cpu_s, length_s = share.cpu_s - known.cpu_s, share.measured_s - known.measured_s
            yield replace(share, cpu_s=cpu_s, measured_s=length_s)
