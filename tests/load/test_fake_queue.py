"""The queue in memory that the load's tests push to, where a load could tell it from a real one."""

import json

from tests.load.fake_queue import FakeQueue
from tests.load.fake_server import SeenRequest


def ask(queues: FakeQueue, method: str, target: str, body: object = None) -> str:
    return queues.script(SeenRequest(0, method, target, json.dumps(body).encode())).decode()


def test_an_ack_is_for_the_queue_that_the_message_came_from() -> None:
    queues = FakeQueue()
    for name in ("first", "second"):
        item = {"queue": name, "partition": "p0", "transactionId": name, "payload": None}
        ask(queues, "POST", "/api/v1/push", {"items": [item]})
    answer = ask(queues, "GET", "/api/v1/pop/queue/second?consumerGroup=g")
    (message,) = json.loads(answer.partition("\r\n\r\n")[2])["messages"]
    ask(queues, "POST", "/api/v1/ack/batch", {"consumerGroup": "g", "acknowledgments": [message]})
    assert queues.groups["second", "g", "p0"].position == 1
    assert not queues.groups["second", "g", "p0"].leased
    assert ("first", "g", "p0") not in queues.groups
