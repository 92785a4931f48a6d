import json
from pathlib import Path
from typing import Any

import gevent
import pytest

from loadtests.load.configuring import QueueConfiguration
from loadtests.load.plan import Consuming, LoadPlan
from loadtests.results import RunFiles
from queen.errors import UserError
from tests.load.fake_server import FakeServer, fake_server, response


def began(server: FakeServer, **changes: Any) -> None:
    given: dict[str, Any] = {
        "host": server.url,
        "trial_directory": "x",
        "run_tag": "t1",
        "queue": "load-t1",
        "consuming": Consuming(lease_s=5, max_size=1000),
    }
    with gevent.Timeout(20):
        QueueConfiguration().began(RunFiles(Path("x")), LoadPlan(**(given | changes)))


def test_a_runs_own_queue_is_configured_for_its_consumers() -> None:
    with fake_server(lambda _: response(200, b"{}")) as server:
        began(server)
        (request,) = server.seen
    assert (request.method, request.target) == ("POST", "/api/v1/configure")
    assert json.loads(request.body) == {"queue": "load-t1", "options": {"leaseTime": 5, "maxSize": 1000}}


def test_without_consumers_and_in_a_queue_of_others_nothing_is_changed() -> None:
    with fake_server(lambda _: response(200, b"{}")) as server:
        began(server, consuming=None)
        began(server, queue="orders")
        assert server.seen == []


def test_a_server_that_refuses_or_is_not_there_is_one_clear_line() -> None:
    with fake_server(lambda _: response(400, b'{"error":"no"}')) as server:
        with pytest.raises(UserError, match=r"the queue cannot be configured: 400 .*no"):
            began(server)
        with pytest.raises(UserError, match=r"the queue cannot be configured: connect: .+"):
            began(server, host="http://127.0.0.1:1")
