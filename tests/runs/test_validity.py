"""Each limit, from both sides."""

import pytest
from msgspec.structs import replace

from loadtests.results import (
    Accounting,
    Arrivals,
    Cell,
    Invalidity,
    LoadResult,
    MachineUse,
    WorkerShare,
)
from loadtests.runs import validity
from tests.sweep.made import made_accounting, made_group, made_load

CLOSED = Cell(strategy="batch", pool=5)
OPEN = Cell(strategy="batch", pool=5, loop="open", rate_msg_s=10_000.0, batch=10)


def remarks(
    cell: Cell,
    load: LoadResult,
    *,
    accounting: Accounting | None = None,
    other_cpu_s: float | None = None,
    ceiling_msg_s: float | None = None,
    pool_filled: bool = True,
    crashed: tuple[str, ...] = (),
) -> tuple[Invalidity, ...]:
    machine = MachineUse(cpu_count=2, other_cpu_s=other_cpu_s)
    return validity.remarks(
        cell,
        load,
        accounting=accounting,
        machine=machine,
        ceiling_msg_s=ceiling_msg_s,
        pool_filled=pool_filled,
        crashed=crashed,
    )


def test_a_healthy_trial_has_no_remark() -> None:
    for cell in (CLOSED, OPEN):
        assert (
            remarks(
                cell,
                made_load(),
                accounting=made_accounting(),
                other_cpu_s=0.1,
                ceiling_msg_s=30_000,
            )
            == ()
        )


def test_a_pool_that_was_still_growing_is_fatal() -> None:
    (remark,) = remarks(CLOSED, made_load(), pool_filled=False)
    assert (remark.reason, remark.fatal) == ("pool_not_filled", True)
    assert remark.detail == "fewer than 5 connections were open before the warm-up"


@pytest.mark.parametrize(("missed", "reasons"), [(1, []), (2, ["missed"])])
def test_missed_more_than_a_thousandth_is_fatal(missed: int, reasons: list[str]) -> None:
    found = remarks(OPEN, made_load(sent=1000 - missed + 1, missed=missed))
    assert [remark.reason for remark in found if remark.fatal] == reasons


@pytest.mark.parametrize(("sent", "reasons"), [(990, []), (989, ["undersent"])])
def test_sent_less_than_asked_is_fatal(sent: int, reasons: list[str]) -> None:
    assert [remark.reason for remark in remarks(OPEN, made_load(sent=sent)) if remark.fatal] == reasons


def test_a_closed_loop_that_sent_nothing_does_not_count() -> None:
    assert [r.reason for r in remarks(CLOSED, made_load(sent=0, acknowledged=0))] == ["undersent"]


EVERY_10_MS = Cell(loop="open", interval_ms=10.0, clients=10)


@pytest.mark.parametrize(("sent", "reasons"), [(990, []), (989, ["undersent"])])
def test_an_interval_asks_for_pushes_of_the_producers_that_are_there(sent: int, reasons: list[str]) -> None:
    shares = (replace(share(0, 1.0), producer_s=8.0), replace(share(1, 1.0), producer_s=2.0))
    load = replace(made_load(sent=sent), workers=shares)
    assert [remark.reason for remark in remarks(EVERY_10_MS, load) if remark.fatal] == reasons


def test_producers_that_came_later_or_left_earlier_are_asked_for_less() -> None:
    load = replace(made_load(sent=500), workers=(replace(share(0), producer_s=5.0),))
    assert remarks(EVERY_10_MS, load) == ()


@pytest.mark.parametrize(
    ("arrivals", "sent", "reasons"),
    [
        ("random", 994, []),  # 10 producers: 6 by chance, but a hundredth is more
        ("poisson", 880, []),  # four standard deviations
        ("poisson", 870, ["undersent"]),
        ("aligned", 985, ["undersent"]),
    ],
)
def test_what_chance_takes_from_a_window_is_not_undersent(
    arrivals: Arrivals, sent: int, reasons: list[str]
) -> None:
    cell = replace(OPEN, clients=10, arrivals=arrivals)
    assert [remark.reason for remark in remarks(cell, made_load(sent=sent)) if remark.fatal] == reasons


@pytest.mark.parametrize(
    ("arrivals", "sent", "reasons"),
    [("random", 34, []), ("random", 33, ["undersent"]), ("aligned", 30, []), ("aligned", 29, ["undersent"])],
)
def test_a_short_window_may_lack_what_its_edges_cut_off(
    arrivals: Arrivals, sent: int, reasons: list[str]
) -> None:
    cell = replace(OPEN, clients=10, arrivals=arrivals, rate_msg_s=400.0)
    assert [remark.reason for remark in remarks(cell, made_load(sent=sent)) if remark.fatal] == reasons


def test_a_load_of_an_older_file_is_only_asked_to_have_sent() -> None:
    load = replace(made_load(sent=1), workers=(share(0),))
    assert remarks(EVERY_10_MS, load) == ()


@pytest.mark.parametrize(("ceiling_msg_s", "limited"), [(20_000, False), (19_000, True), (None, False)])
def test_above_half_of_the_ceiling_the_generator_limits(ceiling_msg_s: float | None, limited: bool) -> None:
    found = remarks(CLOSED, made_load(acknowledged=10_000), ceiling_msg_s=ceiling_msg_s)
    assert [(remark.reason, remark.fatal) for remark in found] == [("near_ceiling", False)] * limited


def test_pushes_that_were_refused_have_cost_the_generator_as_much() -> None:
    load = made_load(sent=1000, acknowledged=0)  # of 10 messages, in a second
    (remark,) = remarks(CLOSED, load, ceiling_msg_s=19_000)
    assert (remark.reason, remark.detail[:3]) == ("near_ceiling", "53%")


@pytest.mark.parametrize(
    ("other_cpu_s", "verdict"),
    [(0.29, []), (0.31, [("busy_machine", False)]), (1.7, [("busy_machine", True)]), (None, [])],
)
def test_a_busy_machine_is_a_remark_and_only_fatal_when_extreme(
    other_cpu_s: float | None, verdict: list[tuple[str, bool]]
) -> None:
    found = remarks(CLOSED, made_load(), other_cpu_s=other_cpu_s)
    assert [(remark.reason, remark.fatal) for remark in found] == verdict


@pytest.mark.parametrize("fault", ["lost", "duplicated", "unexplained", "out_of_order"])
def test_accounting_that_fails_is_fatal_and_says_what(fault: str) -> None:
    (remark,) = remarks(CLOSED, made_load(), accounting=made_accounting(**{fault: 3}))
    assert (remark.reason, remark.fatal) == ("accounting", True)
    assert f"3 {fault.replace('_', ' ')}" in remark.detail


def test_what_came_to_a_group_is_a_remark_of_its_own_that_names_every_fault() -> None:
    groups = made_group("sound"), made_group(undelivered=1200, unexplained=3, out_of_order=4)
    found = validity.accounting_remarks(made_accounting(lost=1, duplicated=2), groups)
    assert [(remark.reason, remark.detail, remark.fatal) for remark in found] == [
        ("accounting", "messages: 1 lost, 2 duplicated", True),
        ("accounting", "deliveries to g: 1,200 undelivered, 3 unexplained, 4 out of order", True),
    ]


def test_a_crash_is_fatal() -> None:
    (remark,) = remarks(CLOSED, made_load(), crashed=("queen serve ended with signal SIGKILL",))
    assert (remark.reason, remark.fatal) == ("crashed", True)


def share(worker: int, measured_s: float = 10.0, *, window: int = 1, complete: bool = True) -> WorkerShare:
    return WorkerShare(
        worker=worker,
        host="h",
        cpu_s=1.0,
        measured_s=measured_s,
        producers=1,
        complete=complete,
        heard_at="2026-01-01",
        window=window,
    )


@pytest.mark.parametrize(("cpu_s", "limited"), [(8.4, False), (8.6, True)])
@pytest.mark.parametrize("ceiling_msg_s", [None, 1e9])
def test_the_cpu_of_the_busiest_process_tells_whatever_the_ceiling_is(
    ceiling_msg_s: float | None, cpu_s: float, limited: bool
) -> None:
    load = replace(made_load(), workers=(share(0), replace(share(1), cpu_s=cpu_s), share(2, 0.0)))
    found = remarks(CLOSED, load, ceiling_msg_s=ceiling_msg_s)
    limits = [remark for remark in found if remark.reason == "generator_limited"]
    assert [(remark.detail, remark.fatal) for remark in limits] == [
        ("Locust process 1 used 86% of a core", False)
    ] * limited


def test_a_busy_process_near_its_ceiling_is_said_to_be_both() -> None:
    load = replace(made_load(acknowledged=10_000), workers=(replace(share(0), cpu_s=9.9),))
    found = remarks(CLOSED, load, ceiling_msg_s=15_000)
    assert [(remark.reason, remark.detail[:3]) for remark in found] == [
        ("near_ceiling", "67%"),
        ("generator_limited", "Loc"),
    ]


def test_a_lost_worker_is_named_and_fatal() -> None:
    load = replace(made_load(), workers=(share(0), share(1, complete=False), share(2, 3.0, complete=False)))
    (remark,) = remarks(CLOSED, load)
    assert (remark.reason, remark.fatal) == ("worker_lost", True)
    assert "worker 1, 2" in remark.detail


@pytest.mark.parametrize(("measured_s", "reasons"), [(10.09, []), (10.11, ["windows_differ"])])
def test_workers_measure_the_same_span_of_time(measured_s: float, reasons: list[str]) -> None:
    load = replace(made_load(), workers=(share(0), share(1, measured_s), share(0, 50.0, window=2)))
    found = remarks(CLOSED, load)
    assert [remark.reason for remark in found] == reasons
    assert not any(remark.fatal for remark in found)


def test_what_was_held_back_by_the_server_was_due_and_is_not_undersent() -> None:
    whole = made_load()
    half = replace(whole, requests_sent=whole.requests_sent // 2, requests_held=whole.requests_sent)
    cell = replace(OPEN, rate_msg_s=whole.requests_sent * OPEN.batch / whole.measured_s)
    reasons = [
        [remark.reason for remark in remarks(cell, load)] for load in (half, replace(half, requests_held=0))
    ]
    assert reasons == [["held_back"], ["undersent"]]


@pytest.mark.parametrize(
    ("held", "said"),
    [(0, []), (1, []), (2, ["0.2% of the 1000"]), (600, ["60% of the 1000 requests that were due"])],
)
def test_held_back_load_is_a_remark_with_its_share(held: int, said: list[str]) -> None:
    load = replace(made_load(sent=1000 - held), requests_held=held)
    found = remarks(OPEN, load)
    assert [(remark.reason, remark.fatal) for remark in found] == [("held_back", False)] * len(said)
    assert all(remark.detail.startswith(text) for remark, text in zip(found, said, strict=True))


@pytest.mark.parametrize(
    ("lag_ms", "response_ms", "said"),
    [
        (80.0, 89.0, True),
        (2.1, 10.0, True),
        (1.9, 10.0, False),  # a fifth
        (0.9, 1.0, False),  # any timer is as late
        (3.0, 17.0, False),
    ],
)
def test_a_generator_that_is_itself_late_is_a_remark(lag_ms: float, response_ms: float, said: bool) -> None:
    latency = made_load().response
    assert latency is not None
    load = replace(
        made_load(),
        schedule_lag=replace(latency, p99_ms=lag_ms),
        response=replace(latency, p99_ms=response_ms),
    )
    found = remarks(OPEN, load)
    assert [(remark.reason, remark.fatal) for remark in found] == [("schedule_lag", False)] * said
    assert all(f"{lag_ms} ms at p99" in remark.detail for remark in found)
