"""How a run comes to its end."""

import json
from time import perf_counter

from gevent.event import Event
from locust.stats import RequestStats

from loadtests.load.measuring.attempt import Attempt
from loadtests.load.null_server import push_answer
from loadtests.load.plan import LoadPlan
from loadtests.load.producing.producer import RawSender
from loadtests.load.run import LoadRun
from loadtests.load.users import producer_loop
from tests.load.fake_server import SeenRequest, fake_server
from tests.load.waiting import until

DEADLINE_S = 30.0


def queued(request: SeenRequest) -> bytes:
    return push_answer(len(json.loads(request.body)["items"]))


def test_what_fell_due_while_the_process_had_no_turn_before_the_end_is_sent_not_missed() -> None:
    """Locust looks up who called for the end, for some 50 ms of CPU, before it says that there is one."""
    with fake_server(queued) as server:
        plan = LoadPlan(
            host=server.url, trial_directory="x", run_tag="t", batch=1, loop="open", interval_ms=20.0
        )
        run, stopping = LoadRun(plan, RequestStats(), watched=False), Event()
        loop = producer_loop(
            run, stopping, lambda: RawSender(run.endpoint, run.watchdog), lambda due_s, attempt: None
        )
        run.work(loop, stopping)
        run.start()
        until(lambda: run.recorder.part().counts.ok > 0)
        blocked_until = perf_counter() + 0.4
        while perf_counter() < blocked_until:
            pass
        run.finish(DEADLINE_S)
        counts, lag = run.recorder.part().counts, run.recorder.part().lag
    assert (counts.missed, counts.pending) == (0, 0)
    assert counts.ok >= 0.4 / 0.02
    assert lag.max_s > 0.3  # and their lateness is told


class Silent:
    """Never answers."""

    def push(self, body: bytes, batch: int) -> Attempt:
        Event().wait()
        raise AssertionError("nobody sets it")


def test_of_however_many_pushes_without_an_answer_each_is_unknown_at_the_end() -> None:
    """More than can be killed in the time that there is for it."""
    plan = LoadPlan(
        host="http://127.0.0.1:1",
        trial_directory="x",
        run_tag="t",
        batch=1,
        loop="open",
        interval_ms=0.05,
        in_flight=10_000,
    )
    run, stopping = LoadRun(plan, RequestStats(), watched=False), Event()
    run.work(producer_loop(run, stopping, Silent, lambda due_s, attempt: None), stopping)
    run.start()
    until(lambda: run.recorder.part().counts.pending == plan.in_flight)
    run.finish(0.0)
    part = run.recorder.part()
    assert (part.counts.unknown, part.counts.pending) == (plan.in_flight, 0)
    assert part.ledger[0].unknown == ((0, plan.in_flight - 1),)
