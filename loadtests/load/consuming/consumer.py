"""A consumer: long-polls for messages, thinks, and acknowledges each batch or gives it back.

Pops are not tied to a producer's partition: the server picks partitions with messages, at most as many
in one pop as the plan has. What was received and what may come again is entered in the group's account
before the server can deliver it again: a message that is given back is entered before that is sent.
"""

from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from typing import TypeVar
from urllib.parse import quote

import msgspec
from gevent.event import Event
from msgspec import Struct

from loadtests.load.consuming.ack_mix import AckMix, Intention
from loadtests.load.consuming.held_batch import HeldBatch
from loadtests.load.consuming.taking import PoppedMessage, read_messages
from loadtests.load.measuring.outcome import TEXT_LIMIT, refused_for_now
from loadtests.load.measuring.stamp import epoch_us
from loadtests.load.plan import Consuming, group_of
from loadtests.load.run import LoadRun
from loadtests.load.wire.transport import Answer, Connection, NoAnswer, TransportError
from loadtests.results import QUEUE_MODE

POLL_MS = 1_000  # of one long poll: short, so that a run ends soon after it is stopped
PAUSE_S = 0.2  # after a failure, so that a broken server is not hammered
MAX_PAUSE_S = 5.0  # longest Retry-After that is obeyed in full
ACK_TRIES = 5  # an acknowledgement may be sent again: what is done already is answered as done
SLOW_LEASES = 1.5  # how long a slow consumer holds a batch, in leases

Read = TypeVar("Read")


class _Item(Struct, rename="camel", frozen=True, omit_defaults=True):
    transaction_id: str
    partition_id: str
    lease_id: str = ""
    status: str = ""  # "completed"


class _Acknowledgements(Struct, rename="camel", frozen=True, omit_defaults=True):
    acknowledgments: list[_Item]
    consumer_group: str = ""


class _Acknowledged(Struct):
    success: bool = False
    noop: bool = False


_acknowledged = msgspec.json.Decoder(list[_Acknowledged])


class ConsumerLoop:
    """Pop, think, acknowledge, again; counts messages that its acknowledgements committed.

    What was committed before, perhaps by another consumer when the lease was over, is not counted again.
    """

    def __init__(self, run: LoadRun, stopping: Event) -> None:
        plan, local = run.plan, run.next_consumer()
        consuming = plan.consuming or Consuming()
        self._run = run
        self._stopping = stopping
        self._lease_s = consuming.lease_s
        self._mix = AckMix(consuming, f"{plan.seed}/consumer/{plan.worker}/{local}")
        self._group = group_of(plan, local)
        self._deliveries = run.recorder.deliveries(self._group)
        self._connection = Connection(run.endpoint, run.watchdog)
        path = (
            f"/api/v1/pop/queue/{quote(plan.queue, safe='')}?wait=true&timeout={POLL_MS}"
            f"&batch={plan.batch}&partitions={plan.partitions}"
        )
        if self._group != QUEUE_MODE:
            path += f"&consumerGroup={self._group}&subscriptionMode=all"
        self._pop_request = run.endpoint.request_head("GET", path) + b"\r\n"
        self._ack_head = run.endpoint.request_head(
            "POST", "/api/v1/ack/batch", {"Content-Type": "application/json"}
        )

    def run(self) -> None:
        """Consume until told to stop."""
        while not self._stopping.is_set():
            popped = self._pop()
            if popped is not None:
                self._consume(*popped)

    def _pop(self) -> tuple[Answer, Sequence[PoppedMessage]] | None:
        """An answer with messages; None when there are none or, after a pause, when it failed."""
        try:
            answer, messages = self._exchange("GET", "pop", self._pop_request, read_messages)
        except TransportError:
            self._stopping.wait(PAUSE_S)
            return None
        if messages is None and answer.reply.status != 204:
            self._stopping.wait(_pause_s(answer))
        return (answer, messages) if messages else None

    def _consume(self, answer: Answer, messages: Sequence[PoppedMessage]) -> None:
        in_time = perf_counter() < answer.sent_at + self._lease_s  # it began after the pop was sent
        held = HeldBatch(messages, self._deliveries, self._run.plan.run_tag, in_time=in_time)
        self._measure(held, answer.answered_at)
        try:
            intention = self._mix.intend(len(messages))
            self._think(held, intention, answer.sent_at)
            self._settle(held, intention)
        finally:
            held.lapse()  # whatever was not acknowledged, also when this greenlet is cut off

    def _measure(self, held: HeldBatch, at_s: float) -> None:
        """From the instant at which their pushes were due until now, of the messages that are new."""
        received_us = epoch_us(at_s)
        for message in held.new_messages():
            if (sent_at_us := message.sent_at_us) is not None:
                self._run.recorder.received(at_s, (received_us - sent_at_us) / 1e6)

    def _think(self, held: HeldBatch, intention: Intention, asked_at: float) -> None:
        """Hold the batch. Its lease began after it was asked for, so it lives until `lease_s` after that."""
        lease_over = asked_at + self._lease_s
        until = perf_counter() + intention.think_s
        if intention.slow:
            until = max(until, asked_at + SLOW_LEASES * self._lease_s)
        if until > lease_over:
            if self._wait_until(lease_over):
                return
            held.lapse()
        self._wait_until(until)

    def _wait_until(self, time_s: float) -> bool:
        """Wait; True when the run ends before."""
        ahead_s = time_s - perf_counter()
        return bool(self._stopping.wait(ahead_s)) if ahead_s > 0 else self._stopping.is_set()

    def _settle(self, held: HeldBatch, intention: Intention) -> None:
        """Send the acknowledgement until it is answered, or its outcome no longer matters."""
        acked = list(range(len(held.messages)))
        items = [_item(held.messages[place]) for place in acked]
        if intention.failing is not None:
            given_back = held.behind(intention.failing)
            acked = [place for place in acked if place not in given_back]
            failed = _item(held.messages[intention.failing], intention.status)
            items = [*(_item(held.messages[place]) for place in acked), failed]
            held.give_up(given_back, "nacked")
        answered = self._acknowledge(held, items)
        if answered is None:
            return
        answers, answered_at = answered
        done = list(zip(acked, answers, strict=False))
        committed = [place for place, item in done if item.success and not item.noop]
        held.settle(committed)
        self._run.recorder.popped(len(committed), answered_at)

    def _acknowledge(self, held: HeldBatch, items: list[_Item]) -> tuple[list[_Acknowledged], float] | None:
        """The answer to each item, and when it came; None: there was no answer to tell them from."""
        group = "" if self._group == QUEUE_MODE else self._group
        body = msgspec.json.encode(_Acknowledgements(items, group))
        request = self._ack_head + b"Content-Length: %d\r\n\r\n" % len(body) + body
        for _ in range(ACK_TRIES):
            try:
                answer, answers = self._exchange("POST", "ack", request, partial(_read, items=len(items)))
            except TransportError as error:
                if isinstance(error, NoAnswer):
                    held.lapse()
                pause_s = PAUSE_S
            else:
                if answer.reply.status == 200:
                    return None if answers is None else (answers, answer.answered_at)
                if not refused_for_now(answer.reply.status, answer.reply.body):
                    return None
                pause_s = _pause_s(answer)
            if self._stopping.wait(pause_s):
                return None
        return None

    def _exchange(
        self, method: str, name: str, request: bytes, read: Callable[[bytes], Read]
    ) -> tuple[Answer, Read | None]:
        """One request, shown once in Locust's table; what a 200 says, if it can be read.

        Raises `TransportError`.
        """
        live, begun_at = self._run.live, perf_counter()
        try:
            answer = self._connection.exchange(request)
        except TransportError as error:
            live.other(method, name, error.failed_at - begun_at, 0, str(error))
            raise
        reply, duration_s = answer.reply, answer.answered_at - answer.sent_at
        found, error_text = None, ""
        if reply.status == 200:
            try:
                found = read(reply.body)
            except (msgspec.MsgspecError, ValueError) as error:
                error_text = f"bad answer: {error}"
        elif reply.status != 204:
            error_text = f"{reply.status}: {reply.body[:TEXT_LIMIT].decode('utf-8', 'replace')}"
        live.other(method, name, duration_s, len(reply.body), error_text)
        return answer, found


def _read(body: bytes, items: int) -> list[_Acknowledged]:
    """The answers to so many items. Raises `MsgspecError` and ValueError."""
    answers = _acknowledged.decode(body)
    if len(answers) != items:
        raise ValueError(f"{len(answers)} for {items} items")
    return answers


def _item(message: PoppedMessage, status: str = "") -> _Item:
    return _Item(message.transaction_id, message.partition_id, message.lease_id, status)


def _pause_s(answer: Answer) -> float:
    return min(max(answer.reply.retry_after_s or 0.0, PAUSE_S), MAX_PAUSE_S)
