"""A start that Locust has said yes to, in Locust's own web UI: what comes of it is known when it is over."""

from argparse import Action
from collections.abc import Callable, Iterator
from typing import Any, cast

import gevent
import pytest
from flask.testing import FlaskClient
from gevent.event import Event
from locust import LoadTestShape, User
from locust.argument_parser import get_empty_argument_parser, setup_parser_arguments
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.runners import MasterRunner
from locust.web import WebUI

from loadtests.ui.form_guard import Runs, guard_form
from tests.load.real_master import real_master
from tests.load.waiting import until

FORM = {"user_count": "1", "spawn_rate": "1", "host": "http://127.0.0.1:1"}


class Somebody(User):
    """Has nothing to do."""


class NoShape(LoadTestShape):
    """Is over when it begins."""

    def tick(self) -> None:
        """Nothing."""


@pytest.fixture(autouse=True)
def no_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locust's page reads the command line of its process."""
    monkeypatch.setattr("sys.argv", ["locust"])


@pytest.fixture
def master() -> Iterator[MasterRunner]:
    with real_master("one", user_classes=[Somebody]) as runner:
        yield runner


def actions() -> dict[str, Action]:
    parser = get_empty_argument_parser(default_config_files=[])
    setup_parser_arguments(parser)
    found: dict[str, Action] = parser.args_included_in_web_ui
    return found


def guarded(environment: Environment, told: list[str], make_way: Callable[[], None]) -> FlaskClient:
    """The page of Locust itself, behind the guard; `told` gets "none" when nothing more comes of a start."""
    web_ui: Any = WebUI(environment, "127.0.0.1", 0, delayed_start=True)
    environment.web_ui = web_ui
    runs = Runs(make_way=make_way, no_start=lambda: told.append("none"))
    guard_form(
        web_ui.app,
        environment,
        runs,
        check=lambda _: None,
        actions=actions,
        fields=set[str],
    )
    client: FlaskClient = web_ui.app.test_client()
    return client


def started(client: FlaskClient) -> None:
    """Send the form; Locust says yes."""
    answer: Any = client.post("/swarm", data=FORM).get_json()
    assert answer["success"] is True


def test_a_start_that_finds_the_last_worker_gone_comes_to_nothing(master: MasterRunner) -> None:
    told, begun = list[str](), list[str]()
    master.environment.events.test_start.add_listener(lambda **_: begun.append("a test"))
    client = guarded(master.environment, told, make_way=master.clients.clear)
    started(client)
    until(lambda: told)
    assert (told, begun) == (["none"], [])


def test_a_start_that_fails_comes_to_nothing(master: MasterRunner) -> None:
    class Broken(UsersDispatcher):
        def __init__(self, **_: object) -> None:
            raise RuntimeError("a defect")

    master.environment.dispatcher_class = Broken
    told = list[str]()
    started(guarded(master.environment, told, make_way=lambda: None))
    until(lambda: told)
    assert told == ["none"]


def test_while_a_start_is_under_way_nothing_is_said(master: MasterRunner) -> None:
    told, begins, goes_on = list[str](), Event(), Event()

    def begin(**_: object) -> None:
        begins.set()
        goes_on.wait()

    master.environment.events.test_start.add_listener(begin)
    started(guarded(master.environment, told, make_way=lambda: None))
    begins.wait()
    gevent.idle()
    assert told == []
    goes_on.set()
    until(lambda: told)


def test_of_two_starts_only_the_latest_is_watched(master: MasterRunner) -> None:
    told, begins = list[str](), list[Event]()

    def begin(**_: object) -> None:
        begins.append(Event())
        begins[-1].wait()

    master.environment.events.test_start.add_listener(begin)
    client = guarded(master.environment, told, make_way=lambda: None)
    started(client)
    until(lambda: len(begins) == 1)
    started(client)  # Locust ends the one before
    until(lambda: len(begins) == 2)
    gevent.idle()
    assert told == []
    begins[1].set()
    until(lambda: told)
    assert told == ["none"]


def test_a_process_alone_starts_in_a_greenlet_further() -> None:
    environment = Environment(user_classes=[Somebody])
    runner, told, begins = environment.create_local_runner(), list[str](), Event()
    goes_on = Event()

    def begin(**_: object) -> None:
        begins.set()
        goes_on.wait()

    environment.events.test_start.add_listener(begin)
    try:
        started(guarded(environment, told, make_way=lambda: None))
        begins.wait()
        gevent.idle()
        assert told == []
        starting: Any = runner.spawning_greenlet
        starting.kill()  # as whatever stops a runner does
        until(lambda: told)
        assert told == ["none"]
    finally:
        runner.quit()


def test_a_shape_that_has_nothing_to_do_comes_to_nothing() -> None:
    environment = Environment(user_classes=[Somebody], shape_class=cast(Any, NoShape)())
    runner, told = environment.create_local_runner(), list[str]()
    try:
        started(guarded(environment, told, make_way=lambda: None))
        until(lambda: told)
        assert told == ["none"]
    finally:
        runner.quit()
