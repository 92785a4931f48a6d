"""What is computed out of a part."""

import pytest
from msgspec.structs import replace

from loadtests.load.measuring.figures import ledger_of, load_result, unanswered
from loadtests.load.measuring.histogram import LatencyHistogram
from loadtests.load.measuring.part import Counts, Part
from loadtests.load.plan import LoadPlan, producer_number
from loadtests.results import Ledger, ProducerLedger, WorkerShare


def share(worker: int, window: int, measured_s: float) -> WorkerShare:
    return WorkerShare(
        worker=worker,
        host="h",
        cpu_s=0.25,
        measured_s=measured_s,
        producers=1,
        heard_at="2026-01-01",
        window=window,
    )


def part(*shares: WorkerShare) -> Part:
    lag = LatencyHistogram()
    lag.record(0.002)
    return Part(
        run_tag="t",
        window=1,
        started_at="2026-01-01T00:00:00.000+00:00",
        started_monotonic_s=5.0,
        warmup_s=1.0,
        counts=Counts(ok=3, not_done=2, unknown=1, missed=4, held=5, pending=6, acknowledged=30, pauses=7),
        lag=lag.counts(),
        ledger=(
            ProducerLedger(producer=0, partition="p0", acknowledged=((0, 9), (20, 39)), unknown=((10, 19),)),
            ProducerLedger(producer=1, partition="p1", acknowledged=((0, 9),)),
        ),
        workers=shares,
    )


def test_requests_and_messages_are_those_of_the_part() -> None:
    load = load_result(part(share(0, 1, 10.0)))
    assert (load.requests_sent, load.requests_ok, load.requests_missed) == (6, 3, 4)
    assert (load.requests_held, load.requests_pending, load.retry_pauses) == (5, 6, 7)
    assert load.throughput_msg_s == 3.0
    assert load.users == 2
    assert (load.total_messages_acknowledged, load.total_messages_unknown) == (40, 10)
    assert (load.service, load.response, load.held, load.end_to_end) == (None, None, None, None)
    assert load.schedule_lag is not None
    assert load.schedule_lag.max_ms == pytest.approx(2)


def test_a_window_is_as_long_as_on_the_slowest_worker_and_windows_add_up() -> None:
    load = load_result(part(share(0, 1, 10.0), share(1, 1, 10.5), share(0, 2, 20.0), share(1, 2, 20.0)))
    assert load.measured_s == 30.5
    assert load.generator_cpu_s == 1.0
    assert len(load.workers) == 4


def test_the_ledger_is_that_of_the_plans_queue() -> None:
    plan = LoadPlan(host="http://x", trial_directory="x", run_tag="t", queue="q")
    assert ledger_of(part(), plan) == Ledger(run_tag="t", queue="q", producers=part().ledger)


def test_the_ledger_says_whose_producers_may_be_missing_from_it() -> None:
    plan = LoadPlan(host="http://x", trial_directory="x", run_tag="t", queue="q")
    shares = (share(0, 1, 1.0), replace(share(2, 1, 1.0), complete=False))
    lost = ledger_of(replace(part(), workers=shares), plan).lost
    assert lost == (
        (producer_number(replace(plan, worker=2), 0), producer_number(replace(plan, worker=3), 0) - 1),
    )


def test_what_is_under_way_counts_once_for_each_worker_that_is_there() -> None:
    """A worker says it with each of its windows, and the last is how it is now."""
    shares = [
        replace(share(0, 2, 1.0), unanswered=3),
        replace(share(0, 1, 1.0), unanswered=9),
        replace(share(1, 2, 1.0), unanswered=4),
        replace(share(2, 2, 1.0), unanswered=5, complete=False),
    ]
    assert unanswered(part(*shares)) == 7
