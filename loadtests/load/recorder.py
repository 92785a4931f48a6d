"""What one run measured: latencies, counts of the measured window, and every message's fate.

A request belongs to the window in which it was due (closed loop: sent), whenever its answer comes; so
`sent = ok + not_done + unknown` holds and a stall at the end of the window is not lost. Throughput is
the exception: messages count when their acknowledgement arrived within the window.

A latency is one of a push that was acknowledged (2xx, no message refused), so there are `ok` of them: an
instant 503 is no fast answer, and what is refused or unanswered is counted in a place of its own.

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


class Tally:
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
        self._total_acknowledged = 0
        self._total_unknown = 0
        self.tally = Tally(self._began_s)

    def account(self, producer: int, partition: str) -> ProducerAccount:
        """The account of a new producer, kept for the ledger."""
        account = ProducerAccount(producer, partition)
        self._accounts.append(account)
        return account

    def open_window(self) -> None:
        """The warm-up is over: measure from now on."""
        self.tally = Tally(time.perf_counter())

    def close_window(self) -> None:
        """Stop measuring; what was due before is still counted when its answer comes. Once only."""
        if self.tally.end_s == math.inf:
            self.tally.end_s = time.perf_counter()
            self.tally.cpu_end_s = time.process_time()

    def pushed(self, account: ProducerAccount, first: int, last: int, due_s: float, attempt: Attempt) -> None:
        """A push of messages `first` to `last`, due at `due_s`, came to an end."""
        tally, outcome = self.tally, attempt.outcome
        account.settle(first, last, outcome.fates)
        if outcome is ALL_QUEUED:  # nearly always: kept short, a sweep comes here 20,000 times a second
            self._total_acknowledged += last - first + 1
            if tally.start_s <= attempt.done_at < tally.end_s:
                tally.acknowledged += last - first + 1
        else:
            self._count_fates(first, last, attempt)
        if tally.start_s <= due_s < tally.end_s:
            if outcome.acknowledged:
                tally.ok += 1
                self._record_latency(tally, due_s, attempt)
            else:
                self._count_failure(tally, outcome)
            if self._open_loop:
                tally.lag.record(attempt.sent_at - due_s)

    def missed(self, due_s: float) -> None:
        """A push was due, but the producer's in-flight cap was reached."""
        if self.tally.covers(due_s):
            self.tally.missed += 1

    def paused(self, at_s: float) -> None:
        """A producer obeys a Retry-After."""
        if self.tally.covers(at_s):
            self.tally.pauses += 1

    def popped(self, messages: int, done_s: float) -> None:
        """A consumer has acknowledged messages."""
        if self.tally.covers(done_s):
            self.tally.popped += messages

    def result(self) -> LoadResult:
        """The figures of the window; closes it if it is still open."""
        self.close_window()
        tally = self.tally
        assert tally.cpu_end_s is not None
        return LoadResult(
            started_at=tally.started_at.isoformat(timespec="milliseconds"),
            started_monotonic_s=tally.start_s,
            warmup_s=tally.start_s - self._began_s,
            measured_s=tally.end_s - tally.start_s,
            users=len(self._accounts),
            requests_sent=tally.ok + tally.not_done + tally.unknown,
            requests_ok=tally.ok,
            requests_not_done=tally.not_done,
            requests_unknown=tally.unknown,
            requests_missed=tally.missed,
            retry_pauses=tally.pauses,
            messages_acknowledged=tally.acknowledged,
            messages_duplicate=tally.duplicates,
            messages_popped=tally.popped,
            total_messages_acknowledged=self._total_acknowledged,
            total_messages_unknown=self._total_unknown,
            service=tally.service.latency(),
            response=self._response(tally).latency(),
            schedule_lag=tally.lag.latency(),
            errors=tuple(
                ErrorCount(status=status, code=code, text=text, requests=requests)
                for (status, code, text), requests in tally.errors.most_common()
            ),
            generator_cpu_s=tally.cpu_end_s - tally.cpu_start_s,
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
        return self.tally.service.to_hdr("service"), self._response(self.tally).to_hdr("response")

    def _response(self, tally: Tally) -> LatencyHistogram:
        return tally.response if self._open_loop else tally.service

    def _record_latency(self, tally: Tally, due_s: float, attempt: Attempt) -> None:
        tally.service.record(attempt.done_at - attempt.sent_at)
        if self._open_loop:
            tally.response.record(attempt.done_at - due_s)

    def _count_failure(self, tally: Tally, outcome: PushOutcome) -> None:
        if outcome.worst is Fate.UNKNOWN:
            tally.unknown += 1
        else:
            tally.not_done += 1
        self._count_error(tally, outcome)

    def _count_error(self, tally: Tally, outcome: PushOutcome) -> None:
        kind = (outcome.status, outcome.code, outcome.text)
        if kind not in tally.errors and len(tally.errors) >= MAX_ERROR_KINDS:
            kind = (outcome.status, outcome.code, "(further texts)")
        tally.errors[kind] += 1

    def _count_fates(self, first: int, last: int, attempt: Attempt) -> None:
        fates = attempt.outcome.fates
        messages = Counter(fates if len(fates) > 1 else fates * (last - first + 1))
        self._total_acknowledged += messages[Fate.ACKNOWLEDGED] + messages[Fate.DUPLICATE]
        self._total_unknown += messages[Fate.UNKNOWN]
        if self.tally.covers(attempt.done_at):
            self.tally.acknowledged += messages[Fate.ACKNOWLEDGED]
            self.tally.duplicates += messages[Fate.DUPLICATE]
