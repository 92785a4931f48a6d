"""The figures of a run, out of what was measured: a `LoadResult` and a `Ledger` of one `Part`."""

from collections import defaultdict
from math import fsum

from hdrh.histogram import HdrHistogram

from loadtests.ledger.intervals import IntervalSet
from loadtests.load.measuring.histogram import HistogramCounts, LatencyHistogram
from loadtests.load.measuring.part import Part
from loadtests.load.plan import PRODUCERS_PER_WORKER, LoadPlan
from loadtests.results import Latency, Ledger, LoadResult, lost_workers


def load_result(part: Part) -> LoadResult:
    """The figures of a part, which may be the sum of several workers and windows.

    A window lasted as long as on the worker where it was longest; several windows add up.
    """
    counts = part.counts
    return LoadResult(
        started_at=part.started_at,
        started_monotonic_s=part.started_monotonic_s,
        warmup_s=part.warmup_s,
        measured_s=measured_s(part),
        users=len(part.ledger),
        requests_sent=counts.sent,
        requests_ok=counts.ok,
        requests_not_done=counts.not_done,
        requests_unknown=counts.unknown,
        requests_missed=counts.missed,
        requests_held=counts.held,
        requests_pending=counts.pending,
        retry_pauses=counts.pauses,
        messages_acknowledged=counts.acknowledged,
        messages_duplicate=counts.duplicates,
        messages_popped=counts.popped,
        total_messages_acknowledged=sum(len(IntervalSet(each.acknowledged)) for each in part.ledger),
        total_messages_unknown=sum(len(IntervalSet(each.unknown)) for each in part.ledger),
        service=latency(part.service),
        response=latency(part.response),
        schedule_lag=latency(part.lag),
        held=latency(part.held),
        end_to_end=latency(part.end_to_end),
        errors=part.errors,
        generator_cpu_s=fsum(share.cpu_s for share in part.workers),
        workers=part.workers,
    )


def measured_s(part: Part) -> float:
    """Seconds that were measured."""
    lengths_s: defaultdict[int, float] = defaultdict(float)
    for share in part.workers:
        lengths_s[share.window] = max(lengths_s[share.window], share.measured_s)
    return fsum(lengths_s.values())


def unanswered(part: Part) -> int:
    """Pushes that were under way when it was said, in whatever window or in none they were due.

    Of a worker that was lost nobody waits for an answer any more.
    """
    latest = {share.worker: share for share in sorted(part.workers, key=lambda share: share.window)}
    return sum(share.unanswered for share in latest.values() if share.complete)


def ledger_of(part: Part, plan: LoadPlan) -> Ledger:
    """Every message that was issued, warm-up and drain included, as far as it was reported."""
    gone = lost_workers(part.workers)
    lost = tuple((each * PRODUCERS_PER_WORKER, (each + 1) * PRODUCERS_PER_WORKER - 1) for each in gone)
    return Ledger(run_tag=plan.run_tag, queue=plan.queue, producers=part.ledger, lost=lost)


def histograms(part: Part) -> tuple[HdrHistogram, HdrHistogram]:
    """The latencies in µs, tagged `service` and `response`."""
    return (
        LatencyHistogram.of(part.service).to_hdr("service"),
        LatencyHistogram.of(part.response).to_hdr("response"),
    )


def latency(counts: HistogramCounts) -> Latency | None:
    """Its percentiles; None: nothing was measured."""
    return LatencyHistogram.of(counts).latency()
