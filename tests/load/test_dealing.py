"""A run that stops while its users are still being dealt out, in Locust's own master."""

from collections.abc import Iterator

import gevent
import pytest
from locust import User
from locust.runners import STATE_SPAWNING, MasterRunner

from loadtests.load.dealing import Dealing
from tests.load.real_master import real_master
from tests.load.waiting import until

DEADLINE_S = 5.0
MANY = 1_000


class Somebody(User):
    """Does nothing, on workers that are not there."""


@pytest.fixture
def master() -> Iterator[MasterRunner]:
    with real_master("one", "two", user_classes=[Somebody]) as runner:
        yield runner


def dealt(master: MasterRunner) -> list[int]:
    """The users of all workers, at each time that some were dealt out, from now on."""
    counts: list[int] = []
    send = master.server.send_to_client

    def noted(message: object) -> None:
        kind, data = getattr(message, "type", ""), getattr(message, "data", None)
        if kind == "spawn" and isinstance(data, dict):
            counts.append(sum(data["user_classes_count"].values()))
        send(message)

    master.server.send_to_client = noted
    return counts


def starts(master: MasterRunner, users: int, rate: float) -> gevent.Greenlet:
    starting = gevent.spawn(master.start, users, rate)
    until(lambda: master.state == STATE_SPAWNING)
    return starting


def test_nobody_is_dealt_out_any_more_and_the_master_does_not_say_that_it_runs(master: MasterRunner) -> None:
    dealing, said = Dealing(master), list[int]()
    master.environment.events.spawning_complete.add_listener(lambda **given: said.append(given["user_count"]))
    counts = dealt(master)
    starting = starts(master, MANY, 100.0)
    until(lambda: len(counts) >= 2)
    dealing.end()
    assert starting.dead
    assert 0 < max(counts) < MANY
    assert (said, master.state) == ([], STATE_SPAWNING), "so that Locust still knows what there is to stop"


def test_what_was_dealt_out_is_sent_before_an_order_to_stop(master: MasterRunner) -> None:
    """Else the workers stop nobody, and get their users afterwards."""
    dealing, counts, before_the_stop = Dealing(master), dealt(master), list[int]()

    def end() -> None:
        dealing.end()
        before_the_stop.append(len(counts))

    master.environment.events.test_start.add_listener(lambda **_: gevent.spawn(end))  # as a start that fails
    starts(master, 2, 2.0)
    until(lambda: before_the_stop)
    assert before_the_stop == [2], "one message for each worker"


def test_one_that_was_changed_meanwhile_is_ended_where_it_is(master: MasterRunner) -> None:
    """A change of the users is a start of its own, in a greenlet of its own."""
    dealing, counts = Dealing(master), dealt(master)
    starts(master, MANY, 100.0).kill()  # as Locust does before it
    before = len(counts)
    changing = starts(master, 2 * MANY, 100.0)
    until(lambda: len(counts) > before)
    dealing.end()
    assert changing.dead


def test_a_greenlet_that_hears_the_workers_is_waited_for_and_goes_on(master: MasterRunner) -> None:
    dealing, heard = Dealing(master), list[str]()

    def listen() -> None:
        master.start(2, 100.0)  # a worker has come: Locust deals anew, and then hears the next message
        heard.append("the next")

    listening = master.greenlet.spawn(listen)
    until(lambda: master.state == STATE_SPAWNING)
    dealing.end()
    listening.join(DEADLINE_S)
    assert heard == ["the next"]
    assert master.spawning_completed


def test_where_nothing_is_dealt_nothing_is_ended(master: MasterRunner) -> None:
    dealing = Dealing(master)
    dealing.end()
    starting = starts(master, 1, 1.0)
    starting.join(DEADLINE_S)
    assert starting.successful()
    dealing.end()
    master.environment.events.spawning_complete.add_listener(lambda **_: dealing.end())
    again = gevent.spawn(master.start, 2, 2.0)  # from within, nobody ends himself
    again.join(DEADLINE_S)
    assert again.successful() and master.spawning_completed
