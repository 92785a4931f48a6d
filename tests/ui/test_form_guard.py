import argparse
from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient
from locust.argument_parser import LocustArgumentParser, get_empty_argument_parser, setup_parser_arguments
from locust.env import Environment

from loadtests.load.options import add_arguments, check_start
from loadtests.ui.form_guard import guard_form
from tests.ui.support import FakeWebUi

START = {"user_count": "4", "spawn_rate": "1", "host": "http://127.0.0.1:6632"}
SHAPE = "mixed"


def options() -> LocustArgumentParser:
    parser = get_empty_argument_parser(default_config_files=[])
    setup_parser_arguments(parser)
    add_arguments(parser, SHAPE)
    return parser


def guarded(
    *words: str,
    restarting: bool = False,
    make_way: Callable[[], None] = lambda: None,
    no_start: Callable[[], None] = lambda: None,
    starts: bool = True,
) -> tuple[Flask, Environment]:
    parser = options()
    parsed = parser.parse_args(list(words))
    environment = cast(Environment, SimpleNamespace(parsed_options=parsed, host=parsed.host, runner=None))
    web_ui = FakeWebUi()
    web_ui.starts = starts
    app = web_ui.app
    guard_form(
        app,
        environment,
        restarting=lambda: restarting,
        check=partial(check_start, shape=SHAPE),
        make_way=make_way,
        no_start=no_start,
        actions=lambda: parser.args_included_in_web_ui,
        fields=lambda: {"batch", "rate", "payload_bytes", "queue", "loop", "groups"},
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
    client = guarded(make_way=lambda: made.append("way"))[0].test_client()
    complaint_about(client, {**START, "rate": "-5"})
    assert client.get("/").status_code == 200
    assert made == []
    assert client.post("/swarm", data=START).get_json() == {"success": True}
    assert made == ["way"]


def test_a_start_that_locust_itself_refuses_and_one_that_is_stopped_at_once_come_to_nothing() -> None:
    told: list[str] = []
    words: dict[str, Callable[[], None]] = {
        "make_way": lambda: told.append("way"),
        "no_start": lambda: told.append("none"),
    }
    guarded(**words)[0].test_client().post("/swarm", data=START)
    assert told == ["way"]
    client = guarded(**words, starts=False)[0].test_client()
    assert client.post("/swarm", data=START).get_json() == {"success": False}
    assert told == ["way", "way", "none"]
    client.get("/stats/requests")
    assert client.post("/stop").get_json() == {"success": True}
    assert told == ["way", "way", "none", "none"]


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
    client = guarded(restarting=True)[0].test_client()
    assert "started anew" in complaint_about(client, START)
    assert client.get("/stats/requests").status_code == 200
