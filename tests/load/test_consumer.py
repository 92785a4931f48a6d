import json
import threading
from collections.abc import Callable

import gevent
from gevent.event import Event
from locust.stats import RequestStats

from loadtests.load.consumer import ConsumerLoop
from loadtests.load.plan import LoadPlan
from loadtests.load.run import LoadRun
from tests.load.fake_server import SeenRequest, fake_server, response

MESSAGES = [
    {"id": str(i), "transactionId": f"t-0-{i}", "partitionId": "448f", "leaseId": "019a", "data": {"n": i}}
    for i in range(3)
]


class Scene:
    """Runs a consumer against a script until `done` says so, then looks at what was recorded."""

    def __init__(self, script: Callable[[SeenRequest], bytes | None]) -> None:
        self.script = script
        self.statistics = RequestStats()
        self.seen: list[SeenRequest] = []

    def run(self, done: Callable[[list[SeenRequest]], bool]) -> LoadRun:
        with fake_server(self.script) as server:
            plan = LoadPlan(host=server.url, trial_directory="x", run_tag="t", batch=3, partitions=4)
            run, stopping = LoadRun(plan, self.statistics), Event()
            run.work(ConsumerLoop(run, stopping), stopping)
            run.start()
            with gevent.Timeout(5):
                while not done(server.seen):
                    gevent.sleep(0.005)
            run.finish(drain_s=5)
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
