"""What one process measures in a run: what counts in which window, and every message's fate, as a `Part`.

All times are seconds of `perf_counter`.
"""

import platform
from collections.abc import Callable
from datetime import UTC, datetime
from math import fsum
from time import perf_counter

from msgspec.structs import replace

from loadtests.load.measuring.account import ProducerAccount
from loadtests.load.measuring.attempt import Attempt, cut_off
from loadtests.load.measuring.counting import Counting
from loadtests.load.measuring.deliveries import GroupDeliveries, most_pieces, order_scope
from loadtests.load.measuring.outcome import ALL_QUEUED
from loadtests.load.measuring.part import Lane, Part, merge
from loadtests.load.measuring.window import Window
from loadtests.load.plan import LoadPlan
from loadtests.results import ProducerLedger, WorkerShare

FIRST_MESSAGE = 0  # of each producer


class Recorder(Counting):
    """Collects from all users of one run in one process; a fresh one for each run.

    A run that is stopped in its warm-up still has its figures.
    """

    def __init__(self, plan: LoadPlan, clock: Callable[[], float] = perf_counter) -> None:
        super().__init__(clock, open_loop=plan.loop == "open")
        self._plan = plan
        self._accounts: list[ProducerAccount] = []
        self._deliveries: dict[str, GroupDeliveries] = {}

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

    def pushed(self, account: ProducerAccount, first: int, last: int, due_s: float, attempt: Attempt) -> None:
        """A push of messages `first` to `last`, due at `due_s`, came to an end."""
        if attempt.outcome is ALL_QUEUED:  # nearly always, and in the hottest place
            account.acknowledged.add(first, last)
        else:
            account.settle(first, last, attempt.outcome.fates)
        self.count_push(last - first + 1, due_s, attempt)

    def cut_off(self) -> None:
        """The run ends now: of every push without an answer nobody knows what became of it."""
        at_s, batch = self._clock(), self._plan.batch
        for account in self._accounts:
            in_flight = account.in_flight.copy()
            account.in_flight.clear()  # its producer looks there, whether an answer comes too late
            for first, (due_s, begun_at) in in_flight.items():
                self.pushed(account, first, first + batch - 1, due_s, cut_off(begun_at, at_s))

    def first_pushes_wait(self) -> bool:
        """Whether some producer has no answer yet to its very first push."""
        return any(FIRST_MESSAGE in account.in_flight for account in self._accounts)

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
        in_flight = [due_s for account in self._accounts for due_s, _ in account.in_flight.values()]
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
