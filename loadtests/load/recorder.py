"""What one process measures in a run: latencies, counts of numbered windows, and every message's fate.

A request belongs to the window in which it was due (closed loop: sent), whenever its answer comes; so
`sent = ok + not_done + unknown` holds and a stall at the end of a window is not lost. Throughput is the
exception: messages count when their acknowledgement arrived within the window.

A latency is one of a push that was acknowledged (2xx, no message refused), so there are `ok` of them: an
instant 503 is no fast answer, and what is refused or unanswered is counted in a place of its own.

The schedule lag is the generator's own lateness: from the intended time of a push until the producer turned
to it, whatever became of it then. To open a connection is not lag, and not service: response time has it.

All times are seconds of `perf_counter`, which on Linux is CLOCK_MONOTONIC.
"""

import platform
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from math import fsum
from time import perf_counter

from msgspec import Struct
from msgspec.structs import replace

from loadtests.load.account import ProducerAccount
from loadtests.load.deliveries import GroupDeliveries, most_pieces, order_scope
from loadtests.load.outcome import ALL_QUEUED, Fate, PushOutcome
from loadtests.load.part import Lane, Part, merge
from loadtests.load.plan import LoadPlan
from loadtests.load.window import FullTally, SmallTally, Window, on_tick
from loadtests.results import ProducerLedger, WorkerShare

WARM_UP = 0  # number of the window that opens with the recorder


class Attempt(Struct, frozen=True):
    """One push that came to an end, with or without an answer."""

    outcome: PushOutcome
    begun_at: float  # the producer turned to it; until the socket write a connection may have to be opened
    sent_at: float  # just before the socket write; not sent: when that was given up
    done_at: float
    answer_bytes: int = 0
    retry_after_s: float | None = None


class Recorder:
    """Collects from all users of one run in one process; a fresh one for each run.

    The warm-up is a window like others, so a run that is stopped in it still has its figures.
    """

    def __init__(self, plan: LoadPlan, clock: Callable[[], float] = perf_counter) -> None:
        self._plan = plan
        self._clock = clock
        self._open_loop = plan.loop == "open"
        self._accounts: list[ProducerAccount] = []
        self._deliveries: dict[str, GroupDeliveries] = {}
        self._windows = [Window(WARM_UP, on_tick(clock()), open_loop=self._open_loop)]
        self._now = self._windows[0].now  # the step in which nearly everything is counted

    @property
    def window(self) -> int:
        """Number of the latest window."""
        return self._windows[-1].number

    def account(self, producer: int, partition: str) -> ProducerAccount:
        """The account of a new producer, kept for the ledger."""
        account = ProducerAccount(producer, partition)
        self._accounts.append(account)
        return account

    def deliveries(self, group: str) -> GroupDeliveries:
        """The account of a consumer group, one for all its consumers of this process."""
        if group not in self._deliveries:
            plan = self._plan
            self._deliveries[group] = GroupDeliveries(
                group, worker=plan.worker, scope=order_scope(plan), most_pieces=most_pieces(plan)
            )
        return self._deliveries[group]

    def open_window(self) -> int:
        """Measure from now on in a new window, and end the one before; returns its number, from 1."""
        start_s = on_tick(self._clock())
        self._windows[-1].close(start_s)
        self._windows.append(Window(self.window + 1, start_s, open_loop=self._open_loop))
        self._now = self._windows[-1].now
        return self.window

    def close_window(self) -> None:
        """Stop measuring; what was due before is still counted when its answer comes. Once only."""
        self._windows[-1].close(self._clock())

    def pushed(self, account: ProducerAccount, first: int, last: int, due_s: float, attempt: Attempt) -> None:
        """A push of messages `first` to `last`, due at `due_s`, came to an end."""
        outcome = attempt.outcome
        if outcome is ALL_QUEUED:  # nearly always: kept short, a sweep comes here 20,000 times a second
            account.acknowledged.add(first, last)
            step, done_s = self._now, attempt.done_at
            if step.start_s <= done_s < step.end_s:
                step.acknowledged += last - first + 1
            else:
                self._acknowledge(last - first + 1, done_s)
                step = self._now
            if step.start_s <= due_s < step.end_s:
                sent_s = attempt.sent_at
                step.ok += 1
                step.service.record(done_s - sent_s)
                if self._open_loop:
                    step.response.record(done_s - due_s)
                    step.lag.record(attempt.begun_at - due_s)
                return
        else:
            account.settle(first, last, outcome.fates)
            self._count_fates(first, last, attempt)
        self._settle(due_s, attempt)

    def missed(self, due_s: float) -> None:
        """A push was due, but the producer's in-flight cap was reached."""
        for tally in self._tallies(due_s):
            tally.missed += 1

    def held(self, due_s: float) -> None:
        """A push was due while its producer obeyed a Retry-After, so it is not sent."""
        for tally in self._tallies(due_s):
            tally.held += 1

    def paused(self, at_s: float) -> None:
        """A producer obeys a Retry-After from now on."""
        if (window := self._window_of(at_s)) is not None:
            window.pauses += 1

    def resumed(self, at_s: float, held_s: float) -> None:
        """The producer that obeyed one at `at_s` did so for `held_s`."""
        if (window := self._window_of(at_s)) is not None:
            window.held.record(held_s)

    def popped(self, messages: int, done_s: float) -> None:
        """A consumer has acknowledged messages."""
        if (window := self._window_of(done_s)) is not None:
            window.popped += messages

    def received(self, at_s: float, end_to_end_s: float) -> None:
        """A message came to a consumer that long after its push was due."""
        if (window := self._window_of(at_s)) is not None:
            window.end_to_end.record(end_to_end_s)

    def part(self, window: int | None = None, *, steps: bool = True) -> Part:
        """What is known now of one window; None: of all, but for the warm-up if there is anything else.

        `steps` False leaves the series of steps out. A window that is still open counts until now.
        Raises ValueError for a window that was never opened.
        """
        if window is None:
            wanted = self._windows[1:] or self._windows
        else:
            wanted = [each for each in self._windows if each.number == window]
        if not wanted:
            raise ValueError(f"window {window} was never opened")
        parts = [self._part(each, steps=steps) for each in wanted]
        whole = parts[0] if len(parts) == 1 else merge(parts)
        return replace(whole, ledger=self._ledger(), lanes=self._lanes())

    def parts(self) -> tuple[Part, ...]:
        """One of each window, the warm-up only if there is nothing else; they share ledger and lanes."""
        ledger, lanes = self._ledger(), self._lanes()
        wanted = self._windows[1:] or self._windows
        return tuple(replace(self._part(each, steps=True), ledger=ledger, lanes=lanes) for each in wanted)

    def _ledger(self) -> tuple[ProducerLedger, ...]:
        accounts = sorted(self._accounts, key=lambda account: account.producer)
        return tuple(account.ledger() for account in accounts)

    def _lanes(self) -> tuple[Lane, ...]:
        return tuple(lane for _, group in sorted(self._deliveries.items()) for lane in group.lanes())

    def _part(self, window: Window, *, steps: bool) -> Part:
        """The part of one window, without ledger and lanes, which are those of the run."""
        in_flight = [due_s for account in self._accounts for due_s in account.in_flight.values()]
        pending = [due_s for due_s in in_flight if window.covers(due_s)]
        service, response, lag = window.clocks()
        end_s = min(window.end_s, self._clock())
        return Part(
            run_tag=self._plan.run_tag,
            window=window.number,
            started_at=window.started_at.isoformat(timespec="milliseconds"),
            started_monotonic_s=window.start_s,
            warmup_s=window.start_s - self._windows[0].start_s,
            counts=window.counts(len(pending)),
            service=service,
            response=response,
            lag=lag,
            held=window.held.counts(),
            end_to_end=window.end_to_end.counts(),
            errors=window.errors(),
            steps=window.steps(pending) if steps else (),
            step_s=window.step_s,
            workers=(
                WorkerShare(
                    worker=self._plan.worker,
                    host=platform.node(),
                    cpu_s=window.cpu_s,
                    measured_s=end_s - window.start_s,
                    producers=len(self._accounts),
                    producer_s=fsum(each.presence_s(window.start_s, end_s) for each in self._accounts),
                    heard_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
                    window=window.number,
                    unanswered=len(in_flight),
                ),
            ),
        )

    def _window_of(self, time_s: float) -> Window | None:
        for window in reversed(self._windows):
            if window.covers(time_s):
                return window
        return None

    def _tallies(self, time_s: float) -> tuple[FullTally | SmallTally, ...]:
        """Where to count what belongs to an instant; nowhere if no window covers it."""
        window = self._window_of(time_s)
        if window is None:
            return ()
        tallies = window.tallies_at(time_s)
        self._now = self._windows[-1].now
        return tallies

    def _acknowledge(self, messages: int, done_s: float) -> None:
        for tally in self._tallies(done_s):
            tally.acknowledged += messages

    def _settle(self, due_s: float, attempt: Attempt) -> None:
        """Count a push that failed, or that was due before the step that it is now."""
        outcome = attempt.outcome
        tallies = self._tallies(due_s)
        for tally in tallies:
            if outcome.acknowledged:
                tally.ok += 1
                tally.service.record(attempt.done_at - attempt.sent_at)
                if self._open_loop:
                    tally.response.record(attempt.done_at - due_s)
            else:
                tally.fail(outcome)
            if self._open_loop:
                tally.lag.record(attempt.begun_at - due_s)
        if tallies and not outcome.acknowledged and (window := self._window_of(due_s)) is not None:
            window.fail(outcome)

    def _count_fates(self, first: int, last: int, attempt: Attempt) -> None:
        fates = attempt.outcome.fates
        messages = Counter(fates if len(fates) > 1 else fates * (last - first + 1))
        if messages[Fate.ACKNOWLEDGED]:
            self._acknowledge(messages[Fate.ACKNOWLEDGED], attempt.done_at)
        if messages[Fate.DUPLICATE] and (window := self._window_of(attempt.done_at)) is not None:
            window.duplicates += messages[Fate.DUPLICATE]
