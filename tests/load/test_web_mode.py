"""The events of a Locust process that a person started, in an order that Locust's start-up makes possible."""

from argparse import Namespace
from types import SimpleNamespace
from typing import Any, cast

import gevent
import pytest
from locust.env import Environment

from loadtests.load import interrupts, web_mode
from loadtests.load.web_mode import Session

DEADLINE_S = 5.0


def test_a_worker_that_is_told_to_start_while_it_still_connects_waits_until_it_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[bool] = []
    attending = SimpleNamespace(begin=lambda: begun.append(True))
    monkeypatch.setattr(web_mode, "Attending", lambda _environment, _runner: attending)
    monkeypatch.setattr(web_mode, "read_options", lambda _parsed: None)
    monkeypatch.setattr(interrupts, "install", lambda *_: None)
    monkeypatch.setattr(web_mode, "WorkerRunner", SimpleNamespace)
    environment = Environment(parsed_options=Namespace(worker=True))
    session = Session("high")

    starting = gevent.spawn(session.on_test_start, environment)
    gevent.sleep()
    assert not starting.ready()
    environment.runner = cast(Any, SimpleNamespace())
    session.on_init(environment, web_ui=None)
    starting.join(DEADLINE_S)
    assert starting.successful()
    assert begun == [True]
