"""Locust deals out the users that the plan counts on: the offered rate is divided among its producers."""

import argparse
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Literal, cast

import pytest
from locust.argument_parser import get_empty_argument_parser
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.runners import WorkerNode

from loadtests.load.options import OptionError, add_arguments, make_plan, read_options
from loadtests.load.users import PRODUCERS, Consumer
from loadtests.load.web_mode import choose_users

CLASSES: list[type] = [Consumer, *PRODUCERS.values()]
SHARES = [0.0, 0.05, 0.1, 0.25, 0.3, 1 / 3, 0.5, 0.66, 0.75, 0.9, 1.0]


@pytest.fixture(autouse=True)
def classes_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    for each in CLASSES:
        for name in ("weight", "fixed_count"):
            monkeypatch.setattr(each, name, getattr(each, name))


def parsed(*words: str) -> argparse.Namespace:
    parser = get_empty_argument_parser(default_config_files=[])
    add_arguments(parser, "high")
    found = parser.parse_args(list(words))
    assert isinstance(found, argparse.Namespace)
    found.user_classes = []
    return found


def planned(users: int, *words: str) -> tuple[int, int]:
    """How many producers and consumers the plan says."""
    options = read_options(parsed(*words))
    plan = make_plan(
        options, shape="high", host="http://127.0.0.1:1", users=users, trial_directory="x", run_tag="t"
    )
    return plan.users, plan.consuming.consumers if plan.consuming is not None else 0


def chosen(users: int, *words: str) -> None:
    found = parsed(*words)
    environment = Environment(parsed_options=found)
    environment.runner = cast(Any, SimpleNamespace(target_user_count=users))
    choose_users(environment, read_options(found))


def dealt(dispatcher: UsersDispatcher, users: int) -> Counter[str]:
    """How many of each class there are when so many are asked for, twenty more a second."""
    dispatcher.new_dispatch(users, 20.0)
    dispatcher._wait_between_dispatch = 0.0  # the time is Locust's matter
    dealing: Iterator[dict[str, dict[str, int]]] = dispatcher
    found: Counter[str] = Counter()
    for by_worker in dealing:
        found = sum((Counter(of_one) for of_one in by_worker.values()), Counter())
    return found


def by_three_workers() -> UsersDispatcher:
    return UsersDispatcher([WorkerNode(str(number)) for number in range(3)], CLASSES)


@pytest.mark.parametrize("client", ["raw", "fast"])
@pytest.mark.parametrize("share", SHARES)
def test_locust_deals_out_as_many_of_each_as_the_plan_says(
    share: float, client: Literal["raw", "fast"]
) -> None:
    words = ["--consumers", str(share), "--client", client]
    for users in [*range(2, 24), 50, 97]:
        producers, consumers = planned(users, *words)
        assert producers + consumers == users
        chosen(users, *words)
        expected = Counter({PRODUCERS[client].__name__: producers, "Consumer": consumers})
        assert dealt(by_three_workers(), users) == +expected


def test_those_who_come_to_a_run_later_produce() -> None:
    words = ["--consumers", "0.25"]
    producers, consumers = planned(10, *words)
    chosen(10, *words)
    dispatcher = by_three_workers()
    dealt(dispatcher, 10)
    later = dealt(dispatcher, 14)
    assert (later["Consumer"], sum(later.values()) - later["Consumer"]) == (consumers, producers + 4)


def test_one_user_cannot_be_both() -> None:
    with pytest.raises(OptionError, match=r"--users 1: with --consumers 0\.5 expected at least 2"):
        planned(1, "--consumers", "0.5")
