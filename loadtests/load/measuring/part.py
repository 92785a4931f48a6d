"""A run is measured in parts: what one Locust process saw of one window, or the sum of several such.

Every process that produces or consumes makes parts; a result is made of one merged part, whether it
came from one process or from twenty. The rules that everything here obeys:

- Counts, histograms and steps are those of one window of one worker. Only parts of different workers
  or different windows are merged, so nothing is counted twice: a later part of the same window replaces
  the earlier one, it is never added.
- Ledger and lanes are those of the whole run until now, warm-up included, and only grow. They merge as
  sets, so that meeting the same message again changes nothing.
- All of it is whole numbers, or a maximum: the sum is exact, in any order and grouping.

Knows neither gevent nor Locust: parts travel between processes as bytes.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise, zip_longest
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import astuple, replace

from loadtests.ledger.intervals import Interval, IntervalSet
from loadtests.ledger.multiset import Layers
from loadtests.ledger.naming import Misplaced
from loadtests.load.measuring.histogram import HistogramCounts, summed
from loadtests.results import ErrorCount, ProducerLedger, WorkerShare

NOTHING = HistogramCounts()
Key = TypeVar("Key")
Item = TypeVar("Item")


class Counts(Struct, frozen=True):
    """Of a window: requests by the instant at which they were due, messages by that of the answer."""

    ok: int = 0  # requests
    not_done: int = 0
    unknown: int = 0
    missed: int = 0  # over the in-flight cap
    held: int = 0  # due while a Retry-After was obeyed
    pending: int = 0  # sent, not yet answered
    pauses: int = 0  # answers whose Retry-After was obeyed
    acknowledged: int = 0  # messages
    duplicates: int = 0
    popped: int = 0

    @property
    def sent(self) -> int:
        """Requests that came to an end."""
        return self.ok + self.not_done + self.unknown

    @property
    def due(self) -> int:
        """Requests that fell due."""
        return self.sent + self.pending + self.missed + self.held

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*map(sum, zip(astuple(self), astuple(other), strict=True)))


class Lane(Struct, frozen=True):
    """What one worker's consumers of a group did with one producer's messages in one partition.

    Layer k of each field (from 1) are the sequence numbers to which that happened at least k times, as
    closed intervals; each layer lies within the one before.
    """

    worker: int
    group: str
    partition: str
    producer: int
    delivered: Layers = ()
    nacked: Layers = ()  # given back: may come again
    lapsed: Layers = ()  # the lease was or may have been over: may come again
    late: tuple[Interval, ...] = ()  # came for the first time after one of a higher number
    full: bool = False  # the group's account was at its limit: what happened later is not in it
    came_late: tuple[Misplaced, ...] = ()  # the first of those, in the order in which they came


class Step(Struct, frozen=True):
    """A step of time of a window, from `index * Part.step_s` seconds after its start."""

    window: int
    index: int
    due: int = 0  # requests: sent, pending, missed and held
    sent: int = 0  # of them answered, or given up
    missed: int = 0
    held: int = 0
    acknowledged: int = 0  # messages whose answer came in this step
    lag: HistogramCounts = NOTHING
    service: HistogramCounts = NOTHING
    response: HistogramCounts = NOTHING


class Part(Struct, frozen=True, kw_only=True):
    """What was measured in one window by one worker; merged: in several, by several."""

    run_tag: str
    window: int  # from 1, 0: the warm-up; merged: the highest
    started_at: str  # UTC, start of the window; merged: the first
    started_monotonic_s: float  # the same instant on CLOCK_MONOTONIC of that worker's machine
    warmup_s: float  # from the start of the run until then
    counts: Counts = Counts()
    service: HistogramCounts = NOTHING
    response: HistogramCounts = NOTHING  # of a closed loop equal to service
    lag: HistogramCounts = NOTHING
    held: HistogramCounts = NOTHING
    end_to_end: HistogramCounts = NOTHING
    errors: tuple[ErrorCount, ...] = ()  # most frequent first
    steps: tuple[Step, ...] = ()  # rising by window and index; a checkpoint may leave them out
    step_s: int = 1  # length of a step: 1, 2, 4, …
    ledger: tuple[ProducerLedger, ...] = ()  # of the whole run, by number
    lanes: tuple[Lane, ...] = ()  # of the whole run
    workers: tuple[WorkerShare, ...] = ()  # by window and worker


def merge(parts: Sequence[Part]) -> Part:
    """The sum of parts of one run.

    Raises ValueError for none, for parts of different runs (a late one of the run before), and for two
    parts of the same worker and window, which would count it twice.
    """
    if not parts:
        raise ValueError("no parts to merge")
    (run_tag, *others) = sorted({part.run_tag for part in parts})
    if others:
        raise ValueError(f"parts of different runs: {run_tag}, {', '.join(others)}")
    started_at, started_monotonic_s, warmup_s = min(
        (part.started_at, part.started_monotonic_s, part.warmup_s) for part in parts
    )
    step_s = max(part.step_s for part in parts)
    return Part(
        run_tag=run_tag,
        window=max(part.window for part in parts),
        started_at=started_at,
        started_monotonic_s=started_monotonic_s,
        warmup_s=warmup_s,
        counts=sum((part.counts for part in parts), Counts()),
        service=summed(part.service for part in parts),
        response=summed(part.response for part in parts),
        lag=summed(part.lag for part in parts),
        held=summed(part.held for part in parts),
        end_to_end=summed(part.end_to_end for part in parts),
        errors=count_errors(error for part in parts for error in part.errors),
        steps=add_steps(step for part in parts for step in coarser(part.steps, step_s // part.step_s)),
        step_s=step_s,
        ledger=_ledger(producer for part in parts for producer in part.ledger),
        lanes=_lanes(lane for part in parts for lane in part.lanes),
        workers=_shares(share for part in parts for share in part.workers),
    )


def lost(checkpoint: Part) -> Part:
    """The last checkpoint of a worker that is gone: what it had not reported yet is not known."""
    return replace(
        checkpoint,
        ledger=tuple(replace(producer, unheard=True) for producer in checkpoint.ledger),
        workers=tuple(replace(share, complete=False) for share in checkpoint.workers),
    )


def said_once(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Parts of one worker, with what is of the whole run in the last alone: for the wire."""
    return (*(replace(part, ledger=(), lanes=()) for part in parts[:-1]), *parts[-1:])


def shared(parts: Iterable[Part], latest: Part) -> tuple[Part, ...]:
    """Parts of one worker, each with what its latest says of the whole run: the same objects, not copies."""
    return tuple(replace(part, ledger=latest.ledger, lanes=latest.lanes) for part in parts)


def count_errors(errors: Iterable[ErrorCount]) -> tuple[ErrorCount, ...]:
    """Each kind of error once, the most frequent first."""
    requests = Counter[tuple[int, str, str]]()
    for error in errors:
        requests[error.status, error.code, error.text] += error.requests
    ordered = sorted(requests.items(), key=lambda kind: (-kind[1], kind[0]))
    return tuple(
        ErrorCount(status=status, code=code, text=text, requests=count)
        for (status, code, text), count in ordered
    )


def coarser(steps: Iterable[Step], factor: int) -> tuple[Step, ...]:
    """The same in steps that are `factor` times as long."""
    if factor == 1:
        return tuple(steps)
    return add_steps(replace(step, index=step.index // factor) for step in steps)


def add_steps(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Each step once, rising by window and index."""
    together = _grouped(steps, lambda step: (step.window, step.index))
    return tuple(_one_step(*place, together[place]) for place in sorted(together))


def _one_step(window: int, index: int, steps: Sequence[Step]) -> Step:
    if len(steps) == 1:
        return steps[0]
    return Step(
        window,
        index,
        due=sum(step.due for step in steps),
        sent=sum(step.sent for step in steps),
        missed=sum(step.missed for step in steps),
        held=sum(step.held for step in steps),
        acknowledged=sum(step.acknowledged for step in steps),
        lag=summed(step.lag for step in steps),
        service=summed(step.service for step in steps),
        response=summed(step.response for step in steps),
    )


def _ledger(ledgers: Iterable[ProducerLedger]) -> tuple[ProducerLedger, ...]:
    together = _grouped(_each_once(ledgers), lambda ledger: (ledger.producer, ledger.partition))
    return tuple(
        ProducerLedger(
            producer=producer,
            partition=partition,
            acknowledged=_union(ledger.acknowledged for ledger in ledgers),
            unknown=_union(ledger.unknown for ledger in ledgers),
            refused=_union(ledger.refused for ledger in ledgers),
            unheard=any(ledger.unheard for ledger in ledgers),
        )
        for (producer, partition), ledgers in sorted(together.items(), key=lambda item: item[0])
    )


def _lanes(lanes: Iterable[Lane]) -> tuple[Lane, ...]:
    """One lane for each worker: a lane only grows, so the union of two reports of it is the later one."""
    together = _grouped(
        _each_once(lanes), lambda lane: (lane.worker, lane.group, lane.partition, lane.producer)
    )
    return tuple(
        Lane(
            *place,
            delivered=_union_of_layers(lane.delivered for lane in together[place]),
            nacked=_union_of_layers(lane.nacked for lane in together[place]),
            lapsed=_union_of_layers(lane.lapsed for lane in together[place]),
            late=_union(lane.late for lane in together[place]),
            full=any(lane.full for lane in together[place]),
            came_late=max((lane.came_late for lane in together[place]), key=lambda came: (len(came), came)),
        )
        for place in sorted(together)
    )


def _shares(shares: Iterable[WorkerShare]) -> tuple[WorkerShare, ...]:
    ordered = sorted(shares, key=lambda share: (share.window, share.worker))
    for share, following in pairwise(ordered):
        if (share.window, share.worker) == (following.window, following.worker):
            raise ValueError(f"two parts of worker {share.worker} and window {share.window}")
    return tuple(ordered)


def _union_of_layers(several: Iterable[Layers]) -> Layers:
    return tuple(_union(layers) for layers in zip_longest(*several, fillvalue=()))


def _union(several: Iterable[tuple[Interval, ...]]) -> tuple[Interval, ...]:
    return IntervalSet(interval for intervals in several for interval in intervals).intervals


def _each_once(items: Iterable[Item]) -> Iterable[Item]:
    """Without the objects that several windows share."""
    return {id(item): item for item in items}.values()


def _grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    together: defaultdict[Key, list[Item]] = defaultdict(list)
    for item in items:
        together[key(item)].append(item)
    return together
