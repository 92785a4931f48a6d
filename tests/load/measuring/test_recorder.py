import math
from typing import Any

import pytest

from loadtests.load.measuring.attempt import Attempt
from loadtests.load.measuring.figures import histograms, load_result, unanswered
from loadtests.load.measuring.outcome import ALL_QUEUED, Fate, PushOutcome, no_answer, not_sent
from loadtests.load.measuring.recorder import Recorder
from loadtests.load.measuring.window import MAX_ERROR_KINDS
from loadtests.load.plan import LoadPlan
from loadtests.results import LoadResult
from tests.clock import Clock

REFUSED = PushOutcome((Fate.REFUSED,), 503, "pool_timeout", "timeout exceeded when trying to connect")
PARTLY_REFUSED = PushOutcome((Fate.ACKNOWLEDGED,) * 9 + (Fate.REFUSED,), 201, "item_failed", "no")


def plan(**changes: Any) -> LoadPlan:
    given: dict[str, Any] = {"host": "http://x", "trial_directory": "x", "run_tag": "t1", "batch": 10}
    return LoadPlan(**(given | changes))


def window(*between_s: float, **changes: Any) -> Recorder:
    """A recorder whose windows began and ended at these times, the last one closed: 100 to 200, if none."""
    clock = Clock()
    measured = Recorder(plan(**changes), clock)
    *starts_s, end_s = between_s or (100.0, 200.0)
    for clock.now_s in starts_s:
        measured.open_window()
    clock.now_s = end_s
    measured.close_window()
    return measured


def figures(measured: Recorder) -> LoadResult:
    measured.close_window()
    return load_result(measured.part())


def attempt(sent_s: float, done_s: float, outcome: PushOutcome = ALL_QUEUED) -> Attempt:
    return Attempt(outcome, sent_s, sent_s, done_s, 100)


def test_a_request_belongs_to_the_window_in_which_it_was_due() -> None:
    measured = window(loop="open")
    account = measured.account(0, "p0")
    for first, due_s, done_s in [
        (0, 99.0, 101.0),
        (10, 150.0, 151.0),
        (20, 199.0, 230.0),
        (30, 200.0, 201.0),
    ]:
        measured.pushed(account, first, first + 9, due_s, attempt(due_s + 0.5, done_s))
    result = figures(measured)
    assert (result.requests_sent, result.requests_ok) == (2, 2)
    assert result.response is not None
    assert result.response.max_ms == pytest.approx(31_000)  # the stall at the end is not lost
    assert result.messages_acknowledged == 20  # those whose answer came within the window
    assert result.total_messages_acknowledged == 40
    assert result.measured_s == 100.0
    assert result.throughput_msg_s == pytest.approx(0.2)


def test_the_two_clocks_and_the_lag_of_an_open_loop() -> None:
    measured = window(loop="open")
    measured.pushed(measured.account(0, "p0"), 0, 9, 110.0, attempt(110.3, 110.4))
    result = figures(measured)
    assert result.service is not None
    assert result.response is not None
    assert result.schedule_lag is not None
    assert result.service.max_ms == pytest.approx(100)
    assert result.response.max_ms == pytest.approx(400)
    assert result.schedule_lag.max_ms == pytest.approx(300)


def test_a_connection_that_is_opened_late_or_not_at_all_is_no_lag_of_the_schedule() -> None:
    measured = window(loop="open")
    account = measured.account(0, "p0")
    never = Attempt(not_sent("connect: timed out"), 110.001, 115.0, 115.0)
    slowly = Attempt(ALL_QUEUED, 120.002, 123.0, 123.5, 100)
    measured.pushed(account, 0, 9, 110.0, never)
    measured.pushed(account, 10, 19, 120.0, slowly)
    result = figures(measured)
    assert result.schedule_lag is not None
    assert result.schedule_lag.count == 2
    assert result.schedule_lag.max_ms == pytest.approx(2)
    assert result.response is not None
    assert result.response.max_ms == pytest.approx(3500)


def test_a_window_knows_how_long_its_producers_were_there() -> None:
    measured = window(loop="open")
    spans_s = [(0.0, 300.0), (150.0, math.inf), (90.0, 110.0), (210.0, 220.0), (0.0, 50.0)]
    for number, (begun_s, ended_s) in enumerate(spans_s):
        account = measured.account(number, "p0")
        account.begun_s, account.ended_s = begun_s, ended_s
    measured.account(5, "p0")  # has not begun
    assert measured.part().workers[0].producer_s == pytest.approx(100 + 50 + 10)


def test_in_a_closed_loop_both_clocks_are_the_same_and_there_is_no_lag() -> None:
    measured = window()
    measured.pushed(measured.account(0, "p0"), 0, 9, 110.0, attempt(110.3, 110.4))
    result = figures(measured)
    assert result.response == result.service
    assert result.schedule_lag is None


def test_every_request_is_counted_under_its_worst_message() -> None:
    measured = window()
    account = measured.account(0, "p0")
    mixed = PushOutcome((Fate.DUPLICATE,) * 9 + (Fate.ACKNOWLEDGED,), 201)
    outcomes = [ALL_QUEUED, REFUSED, REFUSED, no_answer("reset"), mixed]
    for place, outcome in enumerate(outcomes):
        measured.pushed(account, place * 10, place * 10 + 9, 110.0, attempt(110.0, 111.0, outcome))
    result = figures(measured)
    assert result.requests_sent == 5
    assert (result.requests_ok, result.requests_not_done, result.requests_unknown) == (2, 2, 1)
    assert (result.messages_acknowledged, result.messages_duplicate) == (11, 9)
    assert result.total_messages_unknown == 10
    assert [(error.status, error.code, error.requests) for error in result.errors] == [
        (503, "pool_timeout", 2),
        (0, "no_answer", 1),
    ]
    assert result.service is not None
    assert result.service.count == result.requests_ok
    (producer,) = measured.part().ledger
    assert producer.acknowledged == ((0, 9), (40, 49))
    assert producer.refused == ((10, 29),)
    assert producer.unknown == ((30, 39),)


@pytest.mark.parametrize("loop", ["open", "closed"])
@pytest.mark.parametrize("failure", [REFUSED, no_answer("reset"), PARTLY_REFUSED])
def test_a_failure_at_once_improves_no_percentile(loop: str, failure: PushOutcome) -> None:
    measured = window(loop=loop)
    account = measured.account(0, "p0")
    measured.pushed(account, 0, 9, 110.0, attempt(110.0, 111.0))
    for place in range(1, 10):
        first = place * 10
        measured.pushed(account, first, first + 9, 110.0, attempt(110.0, 110.001, failure))
    result = figures(measured)
    for latency in (result.service, result.response):
        assert latency is not None
        assert latency.count == result.requests_ok == 1
        assert latency.p50_ms == pytest.approx(1000, rel=0.001)
    assert result.requests_not_done + result.requests_unknown == 9
    assert [histogram.get_total_count() for histogram in histograms(measured.part())] == [1, 1]


def test_the_kinds_of_errors_are_bounded() -> None:
    measured = window()
    account = measured.account(0, "p0")
    for number in range(MAX_ERROR_KINDS + 50):
        outcome = PushOutcome((Fate.REFUSED,), 500, "odd", f"id {number}")
        measured.pushed(account, number * 10, number * 10 + 9, 110.0, attempt(110.0, 111.0, outcome))
    errors = figures(measured).errors
    assert len(errors) == MAX_ERROR_KINDS + 1
    assert sum(error.requests for error in errors) == MAX_ERROR_KINDS + 50


def test_a_run_that_ends_before_its_warm_up_still_has_figures() -> None:
    measured = Recorder(plan())
    due_s = measured.part().started_monotonic_s
    measured.pushed(measured.account(0, "p0"), 0, 9, due_s, attempt(due_s, due_s))
    result = figures(measured)
    assert result.messages_acknowledged == 10
    assert result.warmup_s == 0
    assert result.measured_s > 0


def test_what_came_in_the_warm_up_is_forgotten_but_stays_in_the_ledger() -> None:
    measured = Recorder(plan())
    due_s = measured.part().started_monotonic_s
    measured.pushed(measured.account(0, "p0"), 0, 9, due_s, attempt(due_s, due_s))
    measured.missed(due_s)
    measured.open_window()
    result = figures(measured)
    assert (result.requests_sent, result.requests_missed, result.messages_acknowledged) == (0, 0, 0)
    assert result.total_messages_acknowledged == 10
    assert measured.part().ledger[0].acknowledged == ((0, 9),)


def test_missed_pauses_and_popped_are_counted_in_the_window() -> None:
    measured = window()
    measured.missed(150.0)
    measured.missed(250.0)
    measured.popped(10, 150.0)
    measured.popped(10, 250.0)
    measured.paused(150.0)
    measured.paused(250.0)
    result = figures(measured)
    assert (result.requests_missed, result.messages_popped, result.retry_pauses) == (1, 10, 1)


def test_the_windows_of_a_run_share_what_is_of_the_whole_run() -> None:
    measured = window(100.0, 110.0, 120.0)
    measured.pushed(measured.account(0, "p0"), 0, 9, 105.0, attempt(105.0, 106.0))
    first, second = measured.parts()
    assert (first.window, first.counts.ok, second.window, second.counts.ok) == (1, 1, 2, 0)
    assert first.ledger is second.ledger
    assert first.lanes is second.lanes
    assert [part.window for part in Recorder(plan()).parts()] == [0]


def test_pushes_under_way_are_told_with_every_window_though_they_were_due_in_another_or_in_none() -> None:
    clock = Clock(100.0)
    measured = Recorder(plan(loop="open"), clock)
    account = measured.account(0, "p0")
    measured.open_window()
    clock.now_s = 110.0
    measured.close_window()
    clock.now_s = 120.0
    measured.open_window()
    clock.now_s = 130.0
    for first, due_s in ((0, 105.0), (10, 115.0), (20, 125.0)):  # the second while nothing was measured
        account.in_flight[first] = due_s, due_s
    for window in (1, 2):
        found = measured.part(window)
        assert (found.counts.pending, unanswered(found)) == (1, 3)
