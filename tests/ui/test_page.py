import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from flask import Flask, jsonify

from loadtests.load.part import Part
from loadtests.load.plan import LoadPlan
from loadtests.results import RunFiles
from loadtests.ui.page import PoolHistory, PoolPage
from tests.load.fake_server import SeenRequest, fake_server, response

DEADLINE_S = 5.0


def pool(request: SeenRequest) -> bytes:
    body = b'{"totalCount":20,"idleCount":%d,"waitingCount":3,"more":[1]}' % request.number
    return response(200, body) if request.target == "/metrics/pool" else response(404)


class FakeWebUi:
    """As much of Locust's WebUI as the page uses."""

    def __init__(self) -> None:
        self.app = Flask(__name__)
        self.template_args: dict[str, Any] = {}
        self.app.add_url_rule("/stats/requests", view_func=lambda: jsonify(stats=[]))


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def host() -> Iterator[str]:
    with fake_server(pool) as server:
        yield server.url


def test_however_many_pages_look_the_server_is_asked_twice_a_second(host: str) -> None:
    clock = Clock()
    history = PoolHistory(clock)
    for _ in range(10):
        history.look(host)
    clock.now_s += 0.5
    history.look(host)
    idle = [reading.gauges.idle_count for reading in history.readings if reading.gauges]
    assert idle == [0, 1]


def test_who_looks_while_another_waits_for_the_answer_shares_it() -> None:
    asked, answer = threading.Event(), threading.Event()

    def slow(request: SeenRequest) -> bytes:
        asked.set()
        answer.wait(DEADLINE_S)
        return pool(request)

    with fake_server(slow) as server, gevent.Timeout(DEADLINE_S):
        history = PoolHistory()
        first = gevent.spawn(history.look, server.url)
        while not asked.is_set():
            gevent.sleep(0.001)
        second = gevent.spawn(history.look, server.url)
        gevent.sleep(0)  # it is under way
        answer.set()
        readings = [greenlet.get() for greenlet in (first, second)]
    assert readings[0] is readings[1]
    assert readings[0].gauges is not None
    assert len(server.seen) == 1


def test_another_target_starts_a_new_history(host: str) -> None:
    clock = Clock()
    history = PoolHistory(clock)
    history.look(host)
    assert history.look("http://127.0.0.1:1").gauges is None
    assert len(history.readings) == 1


def test_the_data_behind_the_chart(host: str) -> None:
    web_ui, page = FakeWebUi(), PoolPage()
    page.attach(web_ui, lambda: host)
    page.ended(
        RunFiles(Path("results/run-1")),
        LoadPlan(host=host, trial_directory="x", run_tag="t"),
        Part(run_tag="t", window=1, started_at="x", started_monotonic_s=0.0, warmup_s=0.0),
    )
    state = web_ui.app.test_client().get("/queen/pool").get_json()
    assert state["available"] is True
    assert state["written"] == ["results/run-1"]
    (reading,) = state["readings"]
    assert (reading["total"], reading["idle"], reading["waiting"]) == (20, 0, 3)


@pytest.mark.parametrize("host", ["", "http://127.0.0.1:1", "ftp://nowhere"])
def test_a_server_without_the_gauges_is_said_to_have_none(host: str) -> None:
    web_ui = FakeWebUi()
    PoolPage().attach(web_ui, lambda: host)
    client = web_ui.app.test_client()
    assert client.get("/queen/pool").get_json()["available"] is False
    (table,) = client.get("/stats/requests").get_json()["extended_stats"]
    assert "not available" in table["data"][0]["name"]


def test_locusts_page_gets_a_tab_and_its_data(host: str) -> None:
    web_ui = FakeWebUi()
    PoolPage().attach(web_ui, lambda: host)
    (tab,) = web_ui.template_args["extended_tabs"]
    (table,) = web_ui.template_args["extended_tables"]
    body = web_ui.app.test_client().get("/stats/requests").get_json()
    assert body["stats"] == []
    (data,) = body["extended_stats"]
    assert tab["key"] == table["key"] == data["key"]
    assert [row["value"] for row in data["data"]] == [20, 0, 3]


def test_the_page_loads_nothing_from_elsewhere() -> None:
    web_ui = FakeWebUi()
    PoolPage().attach(web_ui, lambda: "")
    client = web_ui.app.test_client()
    for path in ("/queen", "/queen/static/pool.js", "/queen/static/pool.css"):
        answer = client.get(path)
        assert answer.status_code == 200
        content = answer.get_data(as_text=True).replace("http://www.w3.org/2000/svg", "")
        assert "://" not in content
        answer.close()
