import json
import threading
from collections.abc import Callable

import gevent
import pytest
from gevent.event import Event
from locust.stats import RequestStats

from loadtests.ledger.multiset import Multiset
from loadtests.load.consuming.consumer import ConsumerLoop
from loadtests.load.measuring.part import Lane
from loadtests.load.plan import Consuming, LoadPlan
from loadtests.load.run import LoadRun
from loadtests.results import QUEUE_MODE
from tests.load.fake_queue import FakeQueue
from tests.load.fake_server import SeenRequest, fake_server, response

MESSAGES = [
    {"id": str(i), "transactionId": f"t-0-{i}", "partitionId": "448f", "leaseId": "019a", "data": {"n": i}}
    for i in range(3)
]


class Scene:
    """Runs consumers against a script until `done` says so, then looks at what was recorded."""

    def __init__(self, script: Callable[[SeenRequest], bytes | None]) -> None:
        self.script = script
        self.statistics = RequestStats()
        self.seen: list[SeenRequest] = []

    def run(
        self,
        done: Callable[[list[SeenRequest]], bool],
        consuming: Consuming | None = None,
        consumers: int = 1,
        drain_s: float = 5.0,
    ) -> LoadRun:
        with fake_server(self.script) as server:
            plan = LoadPlan(
                host=server.url,
                trial_directory="x",
                run_tag="t",
                batch=3,
                partitions=4,
                consuming=consuming,
            )
            run = LoadRun(plan, self.statistics)
            for _ in range(consumers):
                stopping = Event()
                run.work(ConsumerLoop(run, stopping), stopping)
            run.start()
            with gevent.Timeout(5):
                while not done(server.seen):
                    gevent.sleep(0.005)
            run.finish(drain_s)
            self.seen = server.seen
        return run


def pops_then_nothing(request: SeenRequest) -> bytes:
    if request.method == "POST":
        return response(200, json.dumps([{"success": True}, {"success": True}, {"success": False}]).encode())
    if request.number == 0:
        return response(200, json.dumps({"success": True, "messages": MESSAGES}).encode())
    threading.Event().wait(0.02)  # a long poll that ends without messages
    return response(204)


def test_it_acknowledges_what_it_popped_and_counts_what_was_accepted() -> None:
    scene = Scene(pops_then_nothing)
    run = scene.run(lambda seen: len(seen) >= 3)
    pop, ack = scene.seen[:2]
    assert pop.target.startswith("/api/v1/pop/queue/bench?wait=true&timeout=")
    assert "batch=3" in pop.target
    assert "partitions=4" in pop.target
    assert ack.target == "/api/v1/ack/batch"
    assert json.loads(ack.body) == {
        "acknowledgments": [
            {"transactionId": f"t-0-{i}", "partitionId": "448f", "leaseId": "019a"} for i in range(3)
        ]
    }
    assert run.recorder.part().counts.popped == 2
    assert scene.statistics.get("ack", "POST").num_requests == 1
    assert not scene.statistics.errors


def test_a_failing_server_is_shown_and_not_hammered() -> None:
    scene = Scene(lambda _: response(500, b'{"error":"broken"}'))
    scene.run(lambda seen: len(seen) >= 2)
    (error,) = scene.statistics.errors.values()
    assert "500" in str(error.error)
    assert "broken" in str(error.error)
    assert len(scene.seen) < 5


@pytest.mark.parametrize(
    ("method", "body", "told"),
    [
        ("GET", b'{"messages":7}', "bad answer"),
        ("POST", b'{"success":true}', "bad answer"),
        ("POST", b'[{"success":true}]', "bad answer: 1 for 3 items"),
    ],
)
def test_an_answer_that_makes_no_sense_is_one_failed_request(method: str, body: bytes, told: str) -> None:
    def script(request: SeenRequest) -> bytes | None:
        return response(200, body) if request.method == method else pops_then_nothing(request)

    scene = Scene(script)
    run = scene.run(lambda seen: len(seen) >= 3 and seen[-1].method == "GET", drain_s=0.5)
    entry = scene.statistics.get({"GET": "pop", "POST": "ack"}[method], method)
    answered = sum(request.method == method for request in scene.seen)
    (error,) = scene.statistics.errors.values()
    assert told in str(error.error)
    assert 0 < error.occurrences == entry.num_requests == entry.num_none_requests <= answered
    assert run.recorder.part().counts.popped == 0


def queue_of(messages: int, lease_s: float = 60.0) -> FakeQueue:
    """Messages of producer 0 in partition p0."""
    queue = FakeQueue(lease_s=lease_s)
    for number in range(messages):
        queue.partition("bench").append({"transactionId": f"t-0-{number}", "data": {"sentAtUs": 1}})
    return queue


def lane_of(run: LoadRun, group: str = QUEUE_MODE) -> Lane:
    (lane,) = (lane for lane in run.recorder.part().lanes if lane.group == group)
    return lane


def acks(seen: list[SeenRequest]) -> int:
    return sum(request.method == "POST" for request in seen)


def entered(seen: list[SeenRequest], most: int) -> bool:
    """Whether so many acknowledgements have been answered and entered: the consumer asks for more again."""
    return acks(seen) >= most and seen[-1].method == "GET"


def test_what_came_is_in_the_groups_account_with_its_age() -> None:
    run = Scene(queue_of(7).script).run(lambda seen: entered(seen, 3))
    part = run.recorder.part()
    assert lane_of(run) == Lane(0, QUEUE_MODE, "p0", 0, delivered=(((0, 6),),))
    assert part.counts.popped == 7
    assert part.end_to_end.count == 7
    assert part.end_to_end.max_s > 1e9  # since 1970


def test_groups_are_joined_in_turn_and_each_gets_everything() -> None:
    queue = queue_of(6)
    scene = Scene(queue.script)
    run = scene.run(lambda seen: acks(seen) >= 4, Consuming(consumers=3, groups=2), consumers=3)
    for group in ("load-0", "load-1"):
        assert lane_of(run, group).delivered == (((0, 5),),)
        assert queue.groups["bench", group, "p0"].position == 6
    pops = [request.target for request in scene.seen if request.method == "GET"]
    assert all("subscriptionMode=all" in pop for pop in pops)


@pytest.mark.parametrize(
    ("consuming", "status"), [(Consuming(nack_share=1), "failed"), (Consuming(retry_share=1), "retry")]
)
def test_a_message_that_fails_is_given_back_with_all_behind_it(consuming: Consuming, status: str) -> None:
    scene = Scene(queue_of(3).script)
    run = scene.run(lambda seen: acks(seen) >= 4, consuming)
    for request in scene.seen:
        if request.method == "POST":
            *completed, failed = json.loads(request.body)["acknowledgments"]
            assert failed["status"] == status
            assert all("status" not in item for item in completed)
    lane = lane_of(run)
    assert not lane.lapsed
    assert lane.nacked
    assert Multiset(lane.delivered).extra_over(Multiset(lane.nacked)) == 0
    assert lane.delivered[0] == ((0, 2),)


def test_a_slow_consumer_loses_its_lease_and_that_explains_one_more_delivery_and_not_two() -> None:
    scene = Scene(queue_of(3, lease_s=0.9).script)
    run = scene.run(lambda seen: acks(seen) >= 2, Consuming(slow_share=1.0, lease_s=1))
    lane = lane_of(run)
    assert len(lane.delivered) >= 2
    assert Multiset(lane.delivered).extra_over(Multiset(lane.lapsed)) == 0
    assert Multiset(lane.delivered).extra_over() == 3 * (len(lane.delivered) - 1)
    assert run.recorder.part().counts.popped == 0


def test_what_another_consumer_has_committed_meanwhile_is_not_counted_again() -> None:
    def script(request: SeenRequest) -> bytes:
        if request.method == "POST":
            return response(
                200, json.dumps([{"success": True, "noop": True}, *[{"success": True}] * 2]).encode()
            )
        return pops_then_nothing(request)

    run = Scene(script).run(lambda seen: entered(seen, 1))
    assert run.recorder.part().counts.popped == 2


def test_an_acknowledgement_that_was_not_done_is_sent_again() -> None:
    queue, refused = queue_of(3), list[SeenRequest]()

    def script(request: SeenRequest) -> bytes:
        if request.method == "POST" and not refused:
            refused.append(request)
            return response(503, b'{"code":"pool_timeout"}', "Retry-After: 0")
        return queue.script(request)

    run = Scene(script).run(lambda seen: entered(seen, 2))
    assert run.recorder.part().counts.popped == 3
    assert not lane_of(run).lapsed


@pytest.mark.parametrize(
    "answer", [None, response(503, b'{"code":"outcome_unknown"}'), response(200, b"[]"), response(200, b"{")]
)
def test_an_acknowledgement_of_unknown_outcome_may_have_been_in_vain(answer: bytes | None) -> None:
    queue, lost = queue_of(3), list[SeenRequest]()

    def script(request: SeenRequest) -> bytes | None:
        if request.method == "POST" and not lost:
            lost.append(request)
            return answer
        return queue.script(request)

    run = Scene(script).run(lambda seen: acks(seen) >= 1 and len(seen) >= 3)
    assert lane_of(run).lapsed == (((0, 2),),)


def test_what_is_held_when_the_run_is_cut_off_may_come_again() -> None:
    queue, asked = queue_of(3), threading.Event()

    def script(request: SeenRequest) -> bytes:
        if request.method == "POST":
            asked.set()
            threading.Event().wait(1.0)
        return queue.script(request)

    run = Scene(script).run(lambda _: asked.is_set(), drain_s=0.05)
    assert lane_of(run).lapsed == (((0, 2),),)


def test_the_end_of_the_run_ends_thinking_and_the_batch_is_acknowledged() -> None:
    queue = queue_of(3)
    run = Scene(queue.script).run(lambda seen: len(seen) >= 1, Consuming(think_ms="30000"))
    assert queue.groups["bench", QUEUE_MODE, "p0"].position == 3
    assert not lane_of(run).lapsed


@pytest.mark.parametrize(("answered_after_s", "late"), [(0.0, ((0, 2),)), (1.1, ())])
def test_an_answer_that_comes_when_its_lease_may_be_over_is_not_called_late(
    answered_after_s: float, late: tuple[tuple[int, int], ...]
) -> None:
    """The process of another consumer may have had these in between, and this one what comes behind."""
    batches = [range(3, 6), range(3)]

    def script(request: SeenRequest) -> bytes:
        if request.method == "POST":
            return response(200, json.dumps([{"success": True}] * 3).encode())
        if not batches:
            threading.Event().wait(0.02)
            return response(204)
        messages = [{**MESSAGES[0], "transactionId": f"t-0-{n}"} for n in batches.pop(0)]
        if not batches:
            threading.Event().wait(answered_after_s)
        return response(200, json.dumps({"messages": messages}).encode())

    run = Scene(script).run(lambda seen: entered(seen, 2), Consuming(lease_s=1))
    assert lane_of(run).late == late
