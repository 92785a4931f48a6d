import threading
from collections.abc import Iterator

import gevent
import pytest
from msgspec.structs import replace

from loadtests.load.measuring.histogram import HistogramCounts
from loadtests.load.measuring.part import Counts, Part
from loadtests.load.target import Backlog, TargetProbe
from loadtests.results import WorkerShare
from loadtests.ui.live import KEPT_POINTS, PERIOD_S, Live
from loadtests.ui.panels import PANELS
from loadtests.ui.reading import RunView
from tests.clock import Clock
from tests.load.fake_server import FakeServer, SeenRequest, fake_server, response
from tests.load.waiting import until

DEADLINE_S = 5.0
GROUPS = b"""[{"queueName":"q","totalLag":9,"maxTimeLag":4},{"queueName":"q","totalLag":7,"maxTimeLag":5},
{"queueName":"other","totalLag":99,"maxTimeLag":99},{"queueName":"fresh","totalLag":1,"maxTimeLag":-1}]"""


def target(request: SeenRequest) -> bytes:
    if request.target == "/metrics/pool":
        return response(200, b'{"totalCount":20,"idleCount":%d,"waitingCount":3,"more":[1]}' % request.number)
    if request.target in ("/api/v1/status?queue=q", "/api/v1/status?queue=fresh"):
        return response(200, b'{"messages":{"pending":12}}')
    return response(200, GROUPS) if request.target == "/api/v1/consumer-groups" else response(404)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with fake_server(target) as running:
        yield running


def drawn_as(live: Live, place: int, panel: str, line: str) -> float | None:
    names = [(panel.key, name) for panel in PANELS for name in (*panel.lines, *(["limit"] * panel.has_limit))]
    return live.points[place].values[names.index((panel, line))]


def test_however_many_pages_look_the_server_is_asked_once_a_second(server: FakeServer) -> None:
    clock = Clock(100.0)
    live = Live(clock=clock)
    for _ in range(10):
        live.look(server.url, with_backlog=True)
    clock.now_s += PERIOD_S
    live.look(server.url, with_backlog=True)
    assert [request.target for request in server.seen] == ["/metrics/pool"] * 2
    assert [drawn_as(live, place, "pool", "idle") for place in (0, 1)] == [0, 1]


def test_who_looks_while_another_waits_for_the_answer_shares_it() -> None:
    asked, answer = threading.Event(), threading.Event()

    def slow(request: SeenRequest) -> bytes:
        asked.set()
        answer.wait(DEADLINE_S)
        return target(request)

    with fake_server(slow) as server, gevent.Timeout(DEADLINE_S):
        live = Live()
        first = gevent.spawn(live.look, server.url, with_backlog=False)
        until(asked.is_set)
        second = gevent.spawn(live.look, server.url, with_backlog=False)
        gevent.sleep(0)  # it is under way
        answer.set()
        readings = [greenlet.get() for greenlet in (first, second)]
    assert readings[0] is readings[1]
    assert readings[0].pool is not None
    assert len(server.seen) == 1


def test_another_target_starts_a_new_history_and_a_slash_at_the_end_is_no_other(server: FakeServer) -> None:
    clock = Clock(100.0)
    live = Live(clock=clock)
    live.look(server.url, with_backlog=False)
    clock.now_s += 1
    live.look(server.url + "/", with_backlog=False)
    before = live.points
    assert len(before) == 2
    clock.now_s += 1
    assert live.look("http://127.0.0.1:1", with_backlog=False).pool is None
    (point,) = live.points
    assert point.number > before[-1].number


def test_no_more_than_the_last_minutes_are_kept_and_numbers_rise(server: FakeServer) -> None:
    clock = Clock(100.0)
    live = Live(clock=clock)
    for _ in range(KEPT_POINTS + 5):
        live.look("", with_backlog=False)
        clock.now_s += 1
    numbers = [point.number for point in live.points]
    assert len(numbers) == KEPT_POINTS
    assert numbers == sorted(set(numbers))


def test_the_backlog_is_that_of_the_runs_queue_and_of_the_group_that_is_furthest_behind(
    server: FakeServer,
) -> None:
    clock = Clock(100.0)
    live = Live(clock=clock)
    live.began("q")
    live.look(server.url, with_backlog=True)
    with gevent.Timeout(DEADLINE_S):
        while (backlog := live.look(server.url, with_backlog=True).backlog) is None:
            gevent.sleep(0.01)
            clock.now_s += PERIOD_S if len(server.seen) >= 3 else 0
    assert backlog == Backlog(pending=12, lag=9, lag_s=5)
    clock.now_s += 60  # nobody looked
    assert live.look(server.url, with_backlog=False).backlog is None


def test_a_message_that_is_younger_than_the_question_has_no_age_below_zero(server: FakeServer) -> None:
    probe = TargetProbe(server.url)
    assert probe.backlog("fresh") == Backlog(pending=12, lag=1, lag_s=0)
    assert probe.backlog("nowhere") is None
    probe.close()


def test_a_run_is_seen_by_its_latest_window() -> None:
    service = HistogramCounts(0, 0.1, ((1000, 98), (2000, 1), (100_000, 1)))
    part = Part(
        run_tag="t",
        window=2,
        started_at="x",
        started_monotonic_s=0.0,
        warmup_s=0.0,
        counts=Counts(acknowledged=5, missed=1, held=3),
        service=service,
        response=service,
        workers=(share(1, unanswered=4), share(2, unanswered=3)),
    )
    view = RunView.of(part)
    assert view.place == ("t", 2)
    assert (view.acknowledged, view.missed, view.held, view.in_flight) == (5, 1, 3, 7)
    assert view.service == service


def test_a_closed_loop_has_no_intended_start_and_so_no_second_clock() -> None:
    one = HistogramCounts(1000, 0.001, ((1000, 1),))
    closed = Part(
        run_tag="t",
        window=1,
        started_at="x",
        started_monotonic_s=0.0,
        warmup_s=0.0,
        service=one,
        response=one,
    )
    assert RunView.of(closed).response.count == 0
    assert RunView.of(replace(closed, lag=one)).response == one


def share(worker: int, unanswered: int) -> WorkerShare:
    return WorkerShare(
        worker=worker,
        host="h",
        cpu_s=0.1,
        measured_s=1.0,
        producers=1,
        heard_at="x",
        window=2,
        unanswered=unanswered,
    )
