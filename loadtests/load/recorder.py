"""What one run measured: latencies, counts of the measured window, and every message's fate.

A request belongs to the window in which it was due (closed loop: sent), whenever its answer comes; so
`sent = ok + not_done + unknown` holds and a stall at the end of the window is not lost. Throughput is
the exception: messages count when their acknowledgement arrived within the window.

All times are seconds of `perf_counter`, which on Linux is CLOCK_MONOTONIC.
"""

import math
import time
from collections import Counter
from datetime import UTC, datetime

from hdrh.histogram import HdrHistogram
from msgspec import Struct

from loadtests.load.account import ProducerAccount
from loadtests.load.histogram import LatencyHistogram
from loadtests.load.outcome import ALL_QUEUED, Fate, PushOutcome
from loadtests.load.plan import LoadPlan
from loadtests.results import ErrorCount, Ledger, LoadResult

MAX_ERROR_KINDS = 200  # then further kinds are counted together


class Attempt(Struct, frozen=True):
    """One push that came to an end, with or without an answer."""

    outcome: PushOutcome
    sent_at: float  # just before the socket write; not sent: when that was given up
    done_at: float
    answer_bytes: int = 0
    retry_after_s: float | None = None


class Window:
    """Counts of one measured window. Open until `end_s` is set."""

    def __init__(self, start_s: float) -> None:
        self.start_s = start_s
        self.end_s = math.inf
        self.started_at = datetime.now(UTC)
        self.cpu_start_s = time.process_time()
        self.cpu_end_s: float | None = None
        self.service = LatencyHistogram()
        self.response = LatencyHistogram()
        self.lag = LatencyHistogram()
        self.ok = 0  # requests
        self.not_done = 0
        self.unknown = 0
        self.missed = 0
        self.pauses = 0
        self.acknowledged = 0  # messages
        self.duplicates = 0
        self.popped = 0
        self.errors: Counter[tuple[int, str, str]] = Counter()

    def covers(self, time_s: float) -> bool:
        """Whether an instant lies in the window."""
        return self.start_s <= time_s < self.end_s


class Recorder:
    """Collects from all users of one run; a fresh one for each run.

    The window opens with the recorder and is opened anew by `open_window` when the warm-up is over: a
    run that is stopped earlier still has its figures.
    """

    def __init__(self, plan: LoadPlan) -> None:
        self._plan = plan
        self._open_loop = plan.loop == "open"
        self._accounts: list[ProducerAccount] = []
        self._began_s = time.perf_counter()
        self._most_users = 0
        self._total_acknowledged = 0
        self._total_unknown = 0
        self.window = Window(self._began_s)

    def account(self, producer: int, partition: str) -> ProducerAccount:
        """The account of a new producer, kept for the ledger."""
        account = ProducerAccount(producer, partition)
        self._accounts.append(account)
        self._most_users = max(self._most_users, len(self._accounts))
        return account

    def open_window(self) -> None:
        """The warm-up is over: measure from now on."""
        self.window = Window(time.perf_counter())

    def close_window(self) -> None:
        """Stop measuring; what was due before is still counted when its answer comes. Once only."""
        if self.window.end_s == math.inf:
            self.window.end_s = time.perf_counter()
            self.window.cpu_end_s = time.process_time()

    def pushed(self, account: ProducerAccount, first: int, last: int, due_s: float, attempt: Attempt) -> None:
        """A push of messages `first` to `last`, due at `due_s`, came to an end."""
        window, outcome = self.window, attempt.outcome
        account.settle(first, last, outcome.fates)
        if outcome is ALL_QUEUED:  # nearly always: kept short, a sweep comes here 20,000 times a second
            self._total_acknowledged += last - first + 1
            if window.start_s <= attempt.done_at < window.end_s:
                window.acknowledged += last - first + 1
        else:
            self._count_fates(first, last, attempt)
        if window.start_s <= due_s < window.end_s:
            if outcome is ALL_QUEUED:
                window.ok += 1
            else:
                self._count_failure(window, outcome)
            if outcome.status:  # without an answer there is no latency
                window.service.record(attempt.done_at - attempt.sent_at)
            if self._open_loop:
                self._record_schedule(window, due_s, attempt)

    def missed(self, due_s: float) -> None:
        """A push was due, but the producer's in-flight cap was reached."""
        if self.window.covers(due_s):
            self.window.missed += 1

    def paused(self) -> None:
        """A producer obeys a Retry-After."""
        self.window.pauses += 1

    def popped(self, messages: int, done_s: float) -> None:
        """A consumer has acknowledged messages."""
        if self.window.covers(done_s):
            self.window.popped += messages

    def result(self) -> LoadResult:
        """The figures of the window; closes it if it is still open."""
        self.close_window()
        window = self.window
        assert window.cpu_end_s is not None
        return LoadResult(
            started_at=window.started_at.isoformat(timespec="milliseconds"),
            started_monotonic_s=window.start_s,
            warmup_s=window.start_s - self._began_s,
            measured_s=window.end_s - window.start_s,
            users=self._most_users,
            requests_sent=window.ok + window.not_done + window.unknown,
            requests_ok=window.ok,
            requests_not_done=window.not_done,
            requests_unknown=window.unknown,
            requests_missed=window.missed,
            retry_pauses=window.pauses,
            messages_acknowledged=window.acknowledged,
            messages_duplicate=window.duplicates,
            messages_popped=window.popped,
            total_messages_acknowledged=self._total_acknowledged,
            total_messages_unknown=self._total_unknown,
            service=window.service.latency(),
            response=self._response(window).latency(),
            schedule_lag=window.lag.latency(),
            errors=tuple(
                ErrorCount(status=status, code=code, text=text, requests=requests)
                for (status, code, text), requests in window.errors.most_common()
            ),
            generator_cpu_s=window.cpu_end_s - window.cpu_start_s,
        )

    def ledger(self) -> Ledger:
        """Every message that was issued, warm-up and drain included."""
        return Ledger(
            run_tag=self._plan.run_tag,
            queue=self._plan.queue,
            producers=tuple(account.ledger() for account in self._accounts),
        )

    def histograms(self) -> tuple[HdrHistogram, HdrHistogram]:
        """The window's latencies in µs, tagged `service` and `response`."""
        return self.window.service.to_hdr("service"), self._response(self.window).to_hdr("response")

    def _response(self, window: Window) -> LatencyHistogram:
        return window.response if self._open_loop else window.service

    def _record_schedule(self, window: Window, due_s: float, attempt: Attempt) -> None:
        window.lag.record(attempt.sent_at - due_s)
        if attempt.outcome.status:
            window.response.record(attempt.done_at - due_s)

    def _count_failure(self, window: Window, outcome: PushOutcome) -> None:
        """Count a request that was not simply acknowledged; duplicates alone are no failure."""
        match outcome.worst:
            case Fate.REFUSED:
                window.not_done += 1
            case Fate.UNKNOWN:
                window.unknown += 1
            case _:
                window.ok += 1
        if outcome.code:
            self._count_error(window, outcome)

    def _count_error(self, window: Window, outcome: PushOutcome) -> None:
        kind = (outcome.status, outcome.code, outcome.text)
        if kind not in window.errors and len(window.errors) >= MAX_ERROR_KINDS:
            kind = (outcome.status, outcome.code, "(further texts)")
        window.errors[kind] += 1

    def _count_fates(self, first: int, last: int, attempt: Attempt) -> None:
        fates = attempt.outcome.fates
        messages = Counter(fates if len(fates) > 1 else fates * (last - first + 1))
        self._total_acknowledged += messages[Fate.ACKNOWLEDGED] + messages[Fate.DUPLICATE]
        self._total_unknown += messages[Fate.UNKNOWN]
        if self.window.covers(attempt.done_at):
            self.window.acknowledged += messages[Fate.ACKNOWLEDGED]
            self.window.duplicates += messages[Fate.DUPLICATE]
