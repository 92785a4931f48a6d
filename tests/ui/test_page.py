import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from loadtests.load.measuring.part import Counts, Part
from loadtests.load.plan import LoadPlan
from loadtests.results import ErrorCount, ProducerLedger, RunFiles, WorkerShare
from loadtests.runs.control import Changed, Refused
from loadtests.runs.server_facts import FACTS_VARIABLE, ServerFacts
from loadtests.ui.live import Live
from loadtests.ui.page import CHANGING, LOOKED_INTO
from tests.load.fake_server import SeenRequest, fake_server, response
from tests.ui.support import FakeParent, attached

POOL = b'{"totalCount":20,"idleCount":5,"waitingCount":3,"maxCount":20,"more":[1]}'
LOOPBACK = "http://127.0.0.1"


def target(request: SeenRequest) -> bytes:
    return response(200, POOL) if request.target == "/metrics/pool" else response(404)


@pytest.fixture
def host() -> Iterator[str]:
    with fake_server(target) as server:
        yield server.url


def shown(view: Any, panel: str, line: str) -> float | None:
    """The latest value of a line, found as the page finds it."""
    names = [
        (each["key"], name)
        for each in view["panels"]
        for name in (*each["lines"], *(["limit"] * each["hasLimit"]))
    ]
    value: float | None = view["points"][-1][2][names.index((panel, line))]
    return value


def part(acknowledged: int) -> Part:
    ledger = ProducerLedger(producer=0, partition="p0", acknowledged=((0, acknowledged - 1),))
    counts = Counts(acknowledged=acknowledged)
    return Part(
        run_tag="t",
        window=1,
        started_at="x",
        started_monotonic_s=0.0,
        warmup_s=0.0,
        counts=counts,
        ledger=(ledger,),
    )


def test_the_page_shows_the_pool_its_limit_and_the_messages_of_the_run(host: str) -> None:
    web_ui, page = attached(host, state="running")
    page.observer.began(RunFiles(Path("run-1")), LoadPlan(host=host, trial_directory="x", run_tag="t"))
    page.observer.looked(part(acknowledged=70))
    view = web_ui.app.test_client().get("/queen/live", base_url=LOOPBACK).get_json()
    assert (view["host"], view["state"]) == (host, "running")
    assert (view["account"]["issued"], view["account"]["acknowledged"]) == (70, 70)
    assert [shown(view, "pool", line) for line in ("open", "idle", "limit")] == [20, 5, 20]


def test_a_generator_that_is_the_limit_itself_is_said_while_the_run_is_on(host: str) -> None:
    web_ui, page = attached(host, state="running")
    client = web_ui.app.test_client()
    share = WorkerShare(worker=0, host="x", cpu_s=4.9, measured_s=5.0, producers=1, heard_at="x")
    busy = replace(part(acknowledged=70), workers=(share,))
    page.observer.began(RunFiles(Path("run-1")), LoadPlan(host=host, trial_directory="x", run_tag="t"))
    page.observer.looked(replace(busy, workers=(replace(share, measured_s=0.5, cpu_s=0.5),)))
    assert client.get("/queen/live", base_url=LOOPBACK).get_json()["warnings"] == []  # too early to tell
    page.observer.looked(busy)
    (warning,) = client.get("/queen/live", base_url=LOOPBACK).get_json()["warnings"]
    assert warning.startswith("generator limited: ")
    page.observer.ended(RunFiles(Path("run-1")), LoadPlan(host=host, trial_directory="x", run_tag="t"), busy)
    assert client.get("/queen/live", base_url=LOOPBACK).get_json()["warnings"] == []


def test_a_run_in_vain_is_said_while_that_is_so_and_no_longer(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    web_ui, page = attached(host, state="running")
    client = web_ui.app.test_client()
    now_s = 0.0
    live = Live(clock=lambda: now_s)
    monkeypatch.setattr(page, "_live", live)
    refused = ErrorCount(status=401, code="unauthorized", text="no token", requests=1)
    share = WorkerShare(worker=0, host="x", cpu_s=0.1, measured_s=1.0, producers=1, heard_at="x")

    def alarm() -> str:
        return str(client.get("/queen/live", base_url=LOOPBACK).get_json()["alarm"])

    live.began("q")
    assert alarm() == ""
    for _ in range(6):
        now_s += 1
        told = replace(
            part(acknowledged=70),
            counts=Counts(not_done=int(now_s)),
            errors=(replace(refused, requests=int(now_s)),),
            workers=(replace(share, measured_s=now_s),),
        )
        live.tell(told)
    assert alarm() == (
        "no push was acknowledged in the last 6 s: pushes were answered 401 unauthorized: no token"
    )
    live.tell(replace(told, counts=Counts(not_done=6, acknowledged=1)))
    assert alarm() == ""
    live.tell(told)
    live.ended(told)
    assert alarm() == ""


def test_nothing_is_started_while_a_run_begins_or_ends_or_is_looked_up(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["locust"])  # which says what there is in the form

    def told(state: str, asked: str = host, **observer: Any) -> str:
        web_ui, page = attached(host, state=state)
        for name, value in observer.items():
            monkeypatch.setattr(page._observer, name, value)
        form = {"user_count": "1", "spawn_rate": "1", "host": asked}
        answer = web_ui.app.test_client().post("/swarm", data=form, base_url=LOOPBACK).get_json()
        return "" if answer["success"] else str(answer["message"])

    assert told("ready") == told("stopped") == ""
    assert told("stopping") == told("stopped", run_on=True) == told("cleanup", run_on=True) == CHANGING
    assert told("ready", is_looked_into=lambda: True) == LOOKED_INTO
    on = {"run_on": True, "is_looked_into": lambda: True}
    assert told("running", "http://127.0.0.1:1", **on).endswith("not --host: stop it first")


def test_a_page_is_told_only_what_is_new_to_it(host: str) -> None:
    client = attached(host)[0].app.test_client()
    view = client.get("/queen/live", base_url=LOOPBACK).get_json()
    ((number, _, _),) = view["points"]
    assert view["oldest"] == number
    again = client.get(f"/queen/live?after={number}", base_url=LOOPBACK).get_json()
    assert (again["oldest"], again["points"]) == (number, [])
    assert len(client.get("/queen/live?after=all", base_url=LOOPBACK).get_json()["points"]) == 1


def test_what_needs_the_database_is_said_to_be_missing_under_plain_locust_and_nothing_can_be_changed(
    host: str,
) -> None:
    web_ui, page = attached(host)
    client = web_ui.app.test_client()
    page._live = Live(clock=itertools.count().__next__)
    client.get("/queen/live", base_url=LOOPBACK)
    view = client.get("/queen/live", base_url=LOOPBACK).get_json()
    panels = {panel["key"]: panel for panel in view["panels"]}
    for key in ("states", "waits", "inserts"):
        assert {shown(view, key, line) for line in panels[key]["lines"]} == {None}
        assert "queen load" in panels[key]["why"]
    assert "read-only" in view["poolForm"]["why"]
    refused = client.post("/queen/pool", data={"pool": "5"}, base_url=LOOPBACK)
    assert refused.status_code == 403
    assert "read-only" in refused.get_json()["text"]


def test_the_parents_view_of_the_database_is_drawn_for_its_own_server_only(host: str) -> None:
    for url, available in ((host, True), ("http://127.0.0.1:1", False)):
        web_ui, _ = attached(host, FakeParent(url=url))
        view = web_ui.app.test_client().get("/queen/live", base_url=LOOPBACK).get_json()
        assert shown(view, "states", "active") == (3 if available else None)
        assert (view["poolForm"]["why"] == "") is available
        assert view["poolForm"]["most"] == (170 if available else None)


def test_a_change_of_the_pool_is_answered_with_what_the_parent_says(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FACTS_VARIABLE, "")  # which the change sets
    parent = FakeParent(Changed(ServerFacts(pool=7)), Refused("no room"), url=host)
    web_ui, _ = attached(host, parent)
    client = web_ui.app.test_client()
    answers = [client.post("/queen/pool", data={"pool": "7"}, base_url=LOOPBACK) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 409, 502]
    assert [answer.get_json()["text"].split(":")[0] for answer in answers] == [
        "the server runs with a pool of 7",
        "no room",
        "queen load does not answer",
    ]


@pytest.mark.parametrize("host", ["", "http://127.0.0.1:1", "ftp://nowhere"])
def test_a_server_without_the_gauges_is_said_to_have_none(host: str) -> None:
    client = attached(host)[0].app.test_client()
    view = client.get("/queen/live", base_url=LOOPBACK).get_json()
    assert set(view["points"][-1][2]) == {None}
    (table,) = client.get("/stats/requests", base_url=LOOPBACK).get_json()["extended_stats"]
    assert "not available" in table["data"][0]["name"]


def test_locusts_page_gets_a_tab_its_data_and_the_script_that_draws_it(host: str) -> None:
    web_ui, _ = attached(host)
    client = web_ui.app.test_client()
    (tab,) = web_ui.template_args["extended_tabs"]
    (table,) = web_ui.template_args["extended_tables"]
    body = client.get("/stats/requests", base_url=LOOPBACK).get_json()
    assert body["stats"] == []
    (data,) = body["extended_stats"]
    assert tab["key"] == table["key"] == data["key"]
    assert [row["value"] for row in data["data"]] == [20, 5, 3]
    index = client.get("/", base_url=LOOPBACK).get_data(as_text=True)
    assert index.endswith('src="./queen/static/tab.js"></script></body></html>')


def test_the_page_loads_nothing_from_elsewhere(host: str) -> None:
    client = attached(host)[0].app.test_client()
    names = ["page.js", "page.css", "chart.js", "chart.css", "poll.js", "runs.js", "tab.js", "tab.css"]
    for path in ("/queen", *(f"/queen/static/{name}" for name in names)):
        answer = client.get(path, base_url=LOOPBACK)
        assert answer.status_code == 200
        content = answer.get_data(as_text=True).replace("http://www.w3.org/2000/svg", "")
        assert "://" not in content
        answer.close()


def test_below_a_base_path_and_behind_a_login_like_locusts_own(host: str) -> None:
    web_ui, _ = attached(host, base_path="/load")
    client = web_ui.app.test_client()
    assert client.get("/load/queen/live", base_url=LOOPBACK).status_code == 200
    assert client.get("/queen/live", base_url=LOOPBACK).status_code == 404
    assert set(web_ui.guarded) == {"page", "live", "pool"}


def test_an_error_of_ours_shows_no_source(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    web_ui, page = attached(host)
    web_ui.app.debug = True

    def broken(after: int) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(page, "view", broken)
    answer = web_ui.app.test_client().get("/queen/live", base_url=LOOPBACK)
    assert (answer.status_code, answer.get_data(as_text=True)) == (500, "the page failed, see the log\n")
