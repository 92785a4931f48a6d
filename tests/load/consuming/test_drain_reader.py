"""Reading a queue to its end, from servers that behave and servers that do not."""

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from time import perf_counter

import gevent
import pytest

from loadtests.load.consuming.drain_reader import DrainReader, Patience
from loadtests.load.consuming.taking import PoppedMessage
from tests.attempts import TooLate, attempts
from tests.load.fake_queue import FakeQueue
from tests.load.fake_server import SeenRequest, fake_server, response

QUEUE = "load-t1"


def queue_of(messages: int) -> FakeQueue:
    queue = FakeQueue()
    for number in range(messages):
        name = f"p{number % 3}"
        queue.partition(QUEUE, name).append({"transactionId": f"t1-0-{number}", "data": number})
    return queue


class Reading:
    """What a reader finds; `seen` are the requests."""

    def __init__(self, script: Callable[[SeenRequest], bytes | None]) -> None:
        self.read: list[PoppedMessage] = []
        self.script = script
        self.seen: list[SeenRequest] = []

    def run(
        self,
        enough: int,
        *,
        group: str = "ledger-t1",
        quiet_s: float = 0.6,
        silent_s: float = 10.0,
        within_s: float = 10.0,
    ) -> bool:
        with (
            fake_server(self.script) as server,
            closing(DrainReader(server.url, QUEUE, partitions=2)) as reader,
            gevent.Timeout(20),
        ):
            self.seen = server.seen
            return reader.read(
                group,
                self._take,
                enough=lambda: len(self.read) >= enough,
                patience=Patience(silent_s, within_s),
                quiet_s=quiet_s,
            )

    def _take(self, messages: Sequence[PoppedMessage]) -> None:
        self.read.extend(messages)


def test_it_reads_every_message_of_every_partition_and_takes_no_lease() -> None:
    queue = queue_of(2_500)
    reading = Reading(queue.script)
    assert reading.run(2_500)
    assert len({message.transaction_id for message in reading.read}) == len(reading.read) == 2_500
    assert all("autoAck=true" in request.target for request in reading.seen)
    assert {group for _, group, _ in queue.groups} == {"ledger-t1"}
    assert not any(progress.leased for progress in queue.groups.values())


def test_in_queue_mode_no_group_is_named() -> None:
    reading = Reading(queue_of(3).script)
    assert reading.run(3, group="__QUEUE_MODE__")
    assert all("consumerGroup" not in request.target for request in reading.seen)


def test_when_some_are_missing_it_waits_as_long_as_it_is_told_and_then_that_is_the_end() -> None:
    began = perf_counter()
    assert Reading(queue_of(3).script).run(4, quiet_s=1.2)
    assert perf_counter() - began >= 1.2


def slowly(queue: FakeQueue, pause_s: float) -> Callable[[SeenRequest], bytes | None]:
    """A server that takes so long for each answer, of three messages at most."""

    def script(request: SeenRequest) -> bytes | None:
        threading.Event().wait(pause_s)
        few = replace(request, target=request.target.replace("batch=1000", "batch=1"))
        return queue.script(few)

    return script


def test_as_long_as_messages_come_it_reads_on_and_when_none_come_it_is_over_soon() -> None:
    for attempt in attempts():
        with attempt:
            began = perf_counter()
            if not Reading(slowly(queue_of(12), 0.15)).run(12, silent_s=0.6, within_s=20):
                raise TooLate("nothing came for 0.6 s, from a server that answers in 0.15 s")
            assert perf_counter() - began > 0.6
    began = perf_counter()
    assert not Reading(queue_of(3).script).run(4, quiet_s=30, silent_s=0.6, within_s=20)
    assert perf_counter() - began < 5


def test_it_reads_no_longer_than_it_may_though_messages_come() -> None:
    assert not Reading(slowly(queue_of(60), 0.2)).run(60, silent_s=5, within_s=0.7)


def test_an_answer_without_messages_is_an_empty_one_whatever_its_status() -> None:
    """A server that says 200 to everything says so of an empty pop as well."""
    queue, nothing = queue_of(3), b'{"success":true,"messages":[],"partitionId":null,"leaseId":null}'

    def script(request: SeenRequest) -> bytes:
        answer = queue.script(request)
        return response(200, nothing) if b" 204 " in answer else answer

    assert Reading(script).run(3)
    began = perf_counter()
    reading = Reading(lambda _: response(200, nothing))
    assert reading.run(4, quiet_s=0.5)
    assert 0.5 <= perf_counter() - began < 5
    assert len(reading.seen) < 40, "an answer at once does not make it ask without a pause"


def test_a_deadline_before_the_end_is_not_the_end() -> None:
    assert not Reading(queue_of(3).script).run(4, quiet_s=30.0, within_s=0.3)


def test_a_refusal_is_tried_again() -> None:
    queue, refused = queue_of(3), response(503, b'{"code":"pool_timeout"}', "Retry-After: 0")
    reading = Reading(lambda request: queue.script(request) if request.number else refused)
    assert reading.run(3)
    assert len(reading.read) == 3


@pytest.mark.parametrize("first", [None, response(503, b'{"code":"outcome_unknown"}')])
def test_after_a_pop_of_unknown_outcome_nothing_is_certain(first: bytes | None) -> None:
    queue = queue_of(3)
    reading = Reading(lambda request: queue.script(request) if request.number else first)
    assert not reading.run(3)


@pytest.mark.parametrize("answer", [response(404, b"Not Found"), response(200, b"hello")])
def test_a_server_without_pops_is_left_alone_at_once(answer: bytes) -> None:
    reading = Reading(lambda _: answer)
    assert not reading.run(3)
    assert len(reading.seen) == 1


def busy(_: SeenRequest) -> bytes:
    return response(503, b'{"error":"full","code":"pool_timeout"}', "Retry-After: 0")


def gone(_: SeenRequest) -> None:
    return None


@pytest.mark.parametrize("script", [busy, gone])
def test_a_server_that_refuses_is_not_waited_for_when_nothing_is_missing(
    script: Callable[[SeenRequest], bytes | None],
) -> None:
    begun_s = perf_counter()
    assert not Reading(script).run(0, within_s=15.0)  # what it has not read it does not claim to know
    assert perf_counter() - begun_s < 10


def test_it_says_what_it_waits_for(caplog: pytest.LogCaptureFixture) -> None:
    assert not Reading(busy).run(1, within_s=3.0)
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "ledger-t1" in line
    assert '503: {"error":"full"' in line
