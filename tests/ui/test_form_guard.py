import argparse
from collections.abc import Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient
from locust.argument_parser import LocustArgumentParser, get_empty_argument_parser, setup_parser_arguments
from locust.env import Environment

from loadtests.load.options import add_arguments, check_start
from loadtests.load.users import FastProducer
from loadtests.ui.form_guard import Runs, guard_form
from loadtests.ui.page import RESTARTING
from tests.ui.support import FakeWebUi

START = {"user_count": "4", "spawn_rate": "1", "host": "http://127.0.0.1:6632"}
SHAPE = "mixed"


def options() -> LocustArgumentParser:
    parser = get_empty_argument_parser(default_config_files=[])
    setup_parser_arguments(parser)
    add_arguments(parser, SHAPE)
    return parser


FREE = Runs()


def guarded(*words: str, runs: Runs = FREE, starts: bool = True, users: int = 0) -> tuple[Flask, Environment]:
    """`users`: those of the run that is on; 0: there is no runner."""
    parser = options()
    parsed = parser.parse_args(list(words))
    runner = SimpleNamespace(target_user_count=users) if users else None
    given = {"parsed_options": parsed, "host": parsed.host, "runner": runner, "profile": None}
    chosen = {"user_classes": [FastProducer], "shape_class": None}
    environment = cast(Environment, SimpleNamespace(**given, **chosen, web_ui=None))
    web_ui = FakeWebUi()
    web_ui.starts = starts
    app = web_ui.app
    guard_form(
        app,
        environment,
        runs,
        check=partial(check_start, shape=SHAPE),
        actions=lambda: parser.args_included_in_web_ui,
        fields=lambda: {"batch", "rate", "payload_bytes", "queue", "loop", "groups", "consumers", "interval"},
    )
    return app, environment


@pytest.fixture
def client() -> FlaskClient:
    return guarded()[0].test_client()


def complaint_about(client: FlaskClient, form: Mapping[str, str]) -> str:
    answer = client.post("/swarm", data=form)
    assert answer.status_code == 200, "the page shows the text of no other answer"
    body: dict[str, Any] = answer.get_json()
    assert body["success"] is False
    assert set(body) == {"success", "message"}
    message: str = body["message"]
    assert "\n" not in message
    assert len(message) < 200
    return message


def test_way_is_made_for_a_start_and_not_for_one_that_is_refused() -> None:
    made: list[str] = []
    client = guarded(runs=Runs(make_way=lambda: made.append("way")))[0].test_client()
    complaint_about(client, {**START, "rate": "-5"})
    assert client.get("/").status_code == 200
    assert made == []
    assert client.post("/swarm", data=START).get_json() == {"success": True}
    assert made == ["way"]


def test_a_start_that_locust_itself_refuses_and_one_that_is_stopped_at_once_come_to_nothing() -> None:
    told: list[str] = []
    runs = Runs(make_way=lambda: told.append("way"), no_start=lambda: told.append("none"))
    guarded(runs=runs)[0].test_client().post("/swarm", data=START)
    assert told == ["way"]
    client = guarded(runs=runs, starts=False)[0].test_client()
    assert client.post("/swarm", data=START).get_json() == {"success": False}
    assert told == ["way", "way", "none"]
    client.get("/stats/requests")
    assert client.post("/stop").get_json() == {"success": True}
    assert told == ["way", "way", "none", "none"]


def test_a_start_in_which_locusts_own_page_fails_comes_to_nothing() -> None:
    told: list[str] = []
    runs = Runs(make_way=lambda: told.append("way"), no_start=lambda: told.append("none"))
    app, _ = guarded(runs=runs)
    app.debug = True  # as Locust's is: the failure goes past whoever looks at answers

    def broken() -> NoReturn:
        raise RuntimeError("a defect")

    app.view_functions["locust.swarm"] = broken
    with pytest.raises(RuntimeError, match="a defect"):
        app.test_client().post("/swarm", data=START)
    assert told == ["way", "none"]


def test_a_stop_waits_for_a_start_that_is_under_way_and_nothing_else_does() -> None:
    told: list[str] = []
    runs = Runs(settle=lambda: told.append("settled"), no_start=lambda: told.append("none"))
    client = guarded(runs=runs)[0].test_client()
    client.post("/swarm", data=START)
    client.get("/stats/requests")
    assert told == []
    client.post("/stop")
    assert told == ["settled", "none"]


def test_a_start_may_set_what_is_in_the_form_and_nothing_else(client: FlaskClient) -> None:
    assert client.post("/swarm", data={**START, "batch": "5", "run_time": ""}).get_json() == {"success": True}
    refused = client.post("/swarm", data={**START, "results_dir": "/etc", "web_host": "", "batch": "5"})
    assert refused.status_code == 400
    assert refused.get_json() == {
        "success": False,
        "message": "no fields of this form: 'results_dir, web_host'",
    }


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("rate", "-5", "--rate"),
        ("rate", "nan", "--rate"),
        ("rate", "1e400", "--rate"),
        ("rate", "fast", "--rate"),
        ("rate", "", "--rate"),
        ("payload_bytes", "-1", "--payload-bytes"),
        ("payload_bytes", "1.5", "--payload-bytes"),
        ("payload_bytes", "9" * 10_000, "--payload-bytes"),
        ("batch", "0", "--batch"),
        ("loop", "oval", "--loop"),
        ("queue", "a\0b", "--queue"),
        ("queue", "q" * 10_000, "--queue"),
        ("groups", "7", "--groups"),
        ("host", "foo", "--host"),
        ("host", "", "--host"),
        ("host", "h" * 10_000, "--host"),
        ("user_count", "0", "--users"),
        ("user_count", "-1", "--users"),
        ("user_count", "many", "--users"),
        ("user_count", "999999999", "--users"),
        ("spawn_rate", "0", "--spawn-rate"),
        ("spawn_rate", "inf", "--spawn-rate"),
        ("run_time", "soon", "--run-time"),
        ("run_time", "0", "--run-time"),
        ("run_time", "99999999999999h", "--run-time"),
    ],
)
def test_what_the_run_would_refuse_is_refused_in_one_line_and_changes_nothing(
    field: str, value: str, named: str
) -> None:
    app, environment = guarded("--host", "http://before:1", "--users", "3", "--groups", "0")
    before = argparse.Namespace(**vars(environment.parsed_options or argparse.Namespace()))
    assert named in complaint_about(app.test_client(), {**START, field: value})
    assert environment.parsed_options == before
    assert environment.host == "http://before:1"


@pytest.mark.parametrize("field", ["user_count", "spawn_rate"])
def test_a_form_without_what_locust_needs_is_refused_before_anything_is_kept(
    client: FlaskClient, field: str
) -> None:
    named = {"user_count": "--users", "spawn_rate": "--spawn-rate"}
    form = {name: value for name, value in START.items() if name != field}
    assert complaint_about(client, form) == f"{named[field]}: is missing"


def test_what_the_form_leaves_out_is_as_it_was() -> None:
    app, _ = guarded("--host", "http://before:1")
    kept = app.test_client().post("/swarm", data={"user_count": "4", "spawn_rate": "1"})
    assert kept.get_json() == {"success": True}
    app, _ = guarded("--groups", "9")
    assert "--groups" in complaint_about(app.test_client(), START)


def test_nothing_is_started_while_there_is_no_server() -> None:
    client = guarded(runs=Runs(why_not=lambda: RESTARTING))[0].test_client()
    assert complaint_about(client, START) == RESTARTING
    assert client.get("/stats/requests").status_code == 200


RUN_ON = ("--host", "http://127.0.0.1:6632", "--users", "4", "--batch", "5", "--interval", "20")
IN_A_RUN = "of which only the number of users, their spawn rate and the run time can be changed, not "


def never() -> None:
    raise AssertionError("nothing is started")


def during_a_run(*words: str) -> FlaskClient:
    runs = Runs(run_on=lambda: True, make_way=never, no_start=never)
    return guarded(*RUN_ON, *words, runs=runs, users=4)[0].test_client()


@pytest.mark.parametrize(
    ("form", "named"),
    [
        ({"batch": "6"}, "--batch"),
        ({"rate": "500", "batch": "5", "loop": "open"}, "--rate"),
        (
            {"payload_bytes": "9", "groups": "1", "consumers": "0.25"},
            "--payload-bytes, --groups, --consumers",
        ),
        ({"host": "http://127.0.0.1:6633"}, "--host"),
        ({"queue": "another"}, "--queue"),
        ({"user_classes": "Consumer"}, "--user-classes"),
        ({"shape_class": "Mine"}, "--shape-class"),
    ],
)
def test_what_only_the_next_run_would_see_is_refused_while_one_is_on(
    form: Mapping[str, str], named: str
) -> None:
    said = complaint_about(during_a_run(), {"user_count": "4", "spawn_rate": "1", **form})
    assert said == f"a run is on, {IN_A_RUN}{named}: stop it first"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"user_count": "6", "spawn_rate": "2"}, "goes on with 6 users instead of 4, 2 a second"),
        ({"user_count": "4", "spawn_rate": "0.5"}, "goes on with 4 users, 0.5 a second"),
        (
            {"user_count": "4", "spawn_rate": "1", "run_time": "1m"},
            "goes on with 4 users, 1 a second, and ends in 60 s",
        ),
    ],
)
def test_what_locust_does_to_the_run_that_is_on_is_what_its_answer_says(
    form: Mapping[str, str], said: str
) -> None:
    told = during_a_run().post("/swarm", data=form).get_json()
    assert told == {"success": True, "message": f"the run that is on {said}"}


def test_a_run_time_stays_as_it_was_when_a_change_does_not_name_it() -> None:
    """It is what was sent with the start: one that the command line named is none to Locust's page."""
    on = False
    app, _ = guarded(*RUN_ON, "--run-time", "9s", runs=Runs(run_on=lambda: on), users=4)
    client, change = app.test_client(), {"user_count": "4", "spawn_rate": "1"}
    client.post("/swarm", data=START)
    on = True
    assert "ends in" not in client.post("/swarm", data=change).get_json()["message"]
    on = False
    client.post("/swarm", data={**START, "run_time": "50s"})
    on = True
    assert client.post("/swarm", data=change).get_json()["message"].endswith(", and ends in 50 s")
    client.post("/swarm", data={**change, "run_time": "1h"})
    assert client.post("/swarm", data=change).get_json()["message"].endswith(", and ends in 3600 s")
    client.post("/stop")
    assert "ends in" not in client.post("/swarm", data=change).get_json()["message"]


def test_the_whole_form_may_be_sent_again_if_it_changes_nothing_but_the_users() -> None:
    """A text may be what Locust has kept of it, and the same number in other words."""
    form = {**START, "user_count": "5", "host": "http://127.0.0.1:6632/", "batch": "05", "interval": "20.0"}
    same = {
        "user_classes": "FastProducer",
        "shape_class": "Default",
        "profile": "",
        "run_time": "",
        "queue": "",
    }
    assert during_a_run().post("/swarm", data={**form, **same}).get_json()["success"] is True


def test_a_value_that_cannot_be_is_said_before_that_a_run_is_on() -> None:
    assert "--batch" in complaint_about(during_a_run(), {**START, "batch": "0"})
