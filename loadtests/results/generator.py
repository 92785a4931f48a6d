"""What the generator saw: one Locust run, and what became of every message that it issued."""

from collections.abc import Iterable

from msgspec import Struct

from loadtests.results.limits import Count, Difference, Figure, Length
from loadtests.results.version import FORMAT


class Latency(Struct, frozen=True, kw_only=True):
    """Percentiles in ms of one clock over the measured window; from a histogram, never averaged.

    Of acknowledged pushes alone (answered 2xx, no message refused): a refusal at once is no fast answer.
    What was refused is in `LoadResult.requests_not_done`, what had no answer or leaves doubt in
    `requests_unknown`, what was never tried in `requests_missed`. A schedule lag is of all that were tried.
    """

    count: Count  # of service and response: LoadResult.requests_ok
    p50_ms: Figure
    p90_ms: Figure
    p95_ms: Figure
    p99_ms: Figure
    p999_ms: Figure
    max_ms: Figure


class ErrorCount(Struct, frozen=True, kw_only=True):
    """Requests of the window that failed in one way."""

    status: Count  # HTTP status; 0: no answer
    code: str  # the answer's `code`, or "no_answer"
    text: str  # the answer's `error`, word for word
    requests: Count


class WorkerShare(Struct, frozen=True, kw_only=True):
    """What one Locust process did in one measured window: it tells of its cost, the counts are summed."""

    worker: Count  # Locust's number of the process; 0: the only one
    host: str  # name of the machine; `started_monotonic_s` is of use on the same machine alone
    cpu_s: Difference  # of the process, within the window
    measured_s: Figure  # the window on this process's clock
    producers: Count
    complete: bool = True  # False: it was lost; what is counted is what it had reported until then
    heard_at: str  # UTC, when it reported this
    window: Count = 1
    unanswered: Count = 0  # its pushes under way when it reported this, whenever they were due
    producer_s: Figure | None = None  # presence of all its producers in the window; None: not told

    @property
    def cores(self) -> float:
        """CPU seconds per second; a process can use little more than 1. 0 where nothing was measured."""
        return self.cpu_s / self.measured_s if self.measured_s > 0 else 0.0


def busiest(workers: Iterable[WorkerShare]) -> WorkerShare | None:
    """The share of the process that used most of a core in its window; None: nothing was measured."""
    measured = (share for share in workers if share.measured_s > 0)
    return max(measured, key=lambda share: (share.cores, share.worker), default=None)


def lost_workers(workers: Iterable[WorkerShare]) -> list[int]:
    """Numbers of the processes that were lost, rising: what they did last is not known."""
    return sorted({share.worker for share in workers if not share.complete})


class LoadResult(Struct, frozen=True, kw_only=True):
    """One Locust run. Request and message counts are those of the measured window, unless named total.

    `requests_sent` = ok + not_done + unknown. The latencies are those of the `requests_ok` alone.
    """

    started_at: str  # UTC, start of the measured window
    started_monotonic_s: Figure  # the same instant on CLOCK_MONOTONIC, to align with samples
    warmup_s: Figure
    measured_s: Length  # the window as it really was
    users: Count
    requests_sent: Count
    requests_ok: Count  # acknowledged: every message stored, duplicates included
    requests_not_done: Count  # refused, safe to retry: 4xx, 429, 503 other than outcome_unknown
    requests_unknown: Count  # outcome unknown: no answer, or `outcome_unknown`
    requests_missed: Count = 0  # open loop: due, but over the in-flight cap
    requests_held: Count = 0  # open loop: due while a Retry-After was obeyed, so not sent
    requests_pending: Count = 0  # due and sent, but not yet answered when this was collected: not in sent
    retry_pauses: Count = 0  # answers whose Retry-After was obeyed
    messages_acknowledged: Count  # answered `queued` within the window
    messages_duplicate: Count = 0  # answered `duplicate`
    messages_popped: Count = 0  # consumers
    total_messages_acknowledged: Count  # of the whole run, warm-up and drain included
    total_messages_unknown: Count = 0
    service: Latency | None  # from the socket write
    response: Latency | None  # from the intended start; equals service in a closed loop
    schedule_lag: Latency | None = None  # from the intended start until the generator turned to it, open loop
    held: Latency | None = None  # how long producers obeyed a Retry-After, one value for each
    end_to_end: Latency | None = None  # from the intended start until receipt, by the machines' clocks
    errors: tuple[ErrorCount, ...] = ()
    generator_cpu_s: Difference | None = None  # of the window, all workers together
    workers: tuple[WorkerShare, ...] = ()  # one for each process; empty: not recorded
    format: int = FORMAT

    @property
    def throughput_msg_s(self) -> float:
        """Acknowledged messages per second of the measured window."""
        return self._per_second(self.messages_acknowledged)

    @property
    def requests_due(self) -> int:
        """Requests that fell due in the window: sent, unanswered at its end, missed or held back."""
        return self.requests_sent + self.requests_pending + self.requests_missed + self.requests_held

    @property
    def requests_failed(self) -> int:
        """Those that came to nothing, or nobody knows: refused, of unknown outcome, missed or held back."""
        return self.requests_not_done + self.requests_unknown + self.requests_missed + self.requests_held

    def issued_msg_s(self, batch: int) -> float:
        """Messages per second that the generator sent: those that were refused have cost it as much."""
        return max(self.throughput_msg_s, self._per_second(self.requests_sent * batch))

    def _per_second(self, count: int) -> float:
        return count / self.measured_s if self.measured_s > 0 else 0.0  # 0: ended before it was measured

    @property
    def in_vain(self) -> str:
        """What most pushes were answered when none was acknowledged, in one line; else empty."""
        if self.total_messages_acknowledged or not self.errors:
            return ""
        most = max(self.errors, key=lambda error: error.requests)
        return f"no push was acknowledged: {most.text or most.code}"


class StageResult(Struct, frozen=True, kw_only=True):
    """One stage of a run whose offered load changes: its own window, with figures of its own."""

    number: Count  # from 1, in the order of the run
    label: str  # for people, for instance "4,000 msg/s" or "peak"
    rate_msg_s: Figure | None  # offered; None: as fast as the answers come
    load: LoadResult
    verdict: str = ""  # of whoever judged it, in one line; empty: nobody did


def stage_name(number: int, label: str, rate_msg_s: float | None) -> str:
    """3, or "2 peak": the label says more only where it is not the rate."""
    is_rate = rate_msg_s is not None and label.startswith(f"{rate_msg_s:,.0f} ")
    return str(number) if is_rate or not label else f"{number} {label}"


class ProducerLedger(Struct, frozen=True, kw_only=True):
    """What became of one producer's messages: closed intervals [first, last] of sequence numbers."""

    producer: int
    partition: str
    acknowledged: tuple[tuple[int, int], ...]
    unknown: tuple[tuple[int, int], ...] = ()
    refused: tuple[tuple[int, int], ...] = ()  # certainly not stored
    unheard: bool = False  # its process was lost: what is not listed may have been sent


class Ledger(Struct, frozen=True, kw_only=True):
    """Every message that the generator issued. A message's transactionId is `transaction_id`."""

    run_tag: str  # prefix of every transactionId of this run
    queue: str
    producers: tuple[ProducerLedger, ...]
    lost: tuple[tuple[int, int], ...] = ()  # producer numbers [first, last] of processes that were lost
    format: int = FORMAT


def transaction_id(run_tag: str, producer: int, sequence: int) -> str:
    """`<run_tag>-<producer>-<sequence>`: what the audit reads back from the table."""
    return f"{run_tag}-{producer}-{sequence}"
