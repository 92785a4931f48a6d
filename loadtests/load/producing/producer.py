"""One producer: it takes the next messages, pushes them and enters what became of them.

`Sender` is the port to the wire: `RawSender` here, the FastHttpUser's client in `users`. When a producer
pushes is the business of `loops`.
"""

from collections.abc import Callable
from time import perf_counter
from typing import Protocol

from gevent import GreenletExit

from loadtests.load.measuring.attempt import Attempt, cut_off
from loadtests.load.measuring.outcome import PushOutcome, classify, no_answer, not_sent
from loadtests.load.measuring.recorder import Recorder
from loadtests.load.measuring.stamp import epoch_us
from loadtests.load.plan import LoadPlan, partition_of, producer_number
from loadtests.load.producing.distribution import parse_distribution
from loadtests.load.producing.payload import PushBodies
from loadtests.load.wire.transport import Connection, Endpoint, NoAnswer, NotSent, Watchdog

PUSH_PATH = "/api/v1/push"
JSON_HEADERS = {"Content-Type": "application/json"}

OnAttempt = Callable[[float, Attempt], None]
"""Called after each push with its due time and the attempt; feeds the live statistics."""


class Sender(Protocol):
    """Pushes one body at a time and never raises for a failed push."""

    def push(self, body: bytes, batch: int) -> Attempt:
        """Push a body of `batch` messages and judge the answer."""
        ...


class RawSender:
    """Pushes over one raw keep-alive connection."""

    def __init__(self, endpoint: Endpoint, watchdog: Watchdog) -> None:
        self._connection = Connection(endpoint, watchdog)
        self._head = endpoint.request_head("POST", PUSH_PATH, JSON_HEADERS) + b"Content-Length: "

    def push(self, body: bytes, batch: int) -> Attempt:
        begun_at = perf_counter()
        request = b"%b%d\r\n\r\n%b" % (self._head, len(body), body)
        try:
            answer = self._connection.exchange(request)
        except NotSent as error:
            return Attempt(not_sent(str(error)), begun_at, error.failed_at, error.failed_at)
        except NoAnswer as error:
            return Attempt(no_answer(str(error)), begun_at, error.sent_at, error.failed_at)
        reply = answer.reply
        outcome = classify(reply.status, reply.body, batch)
        return Attempt(
            outcome, begun_at, answer.sent_at, answer.answered_at, len(reply.body), reply.retry_after_s
        )


class Producer:
    """Producer number `local` of this process: it owns one partition's sequence of messages.

    `number` is its number in the run, which no producer of another process has.
    """

    def __init__(self, plan: LoadPlan, local: int, recorder: Recorder, on_attempt: OnAttempt) -> None:
        partition = partition_name(partition_of(plan, local))
        self.number = number = producer_number(plan, local)
        self._batch = plan.batch
        self._next = 0
        self._recorder = recorder
        self._account = recorder.account(number, partition)
        self._in_flight = self._account.in_flight
        self._on_attempt = on_attempt
        self._bodies = PushBodies(
            run_tag=plan.run_tag,
            producer=number,
            queue=plan.queue,
            partition=partition,
            batch=plan.batch,
            sizes=parse_distribution(plan.payload_sizes or str(plan.payload_bytes)),
            stamped=plan.consuming is not None,
            seed=plan.seed,
        )

    def begin(self, at_s: float) -> None:
        """It produces from then on, by `perf_counter`: what its schedule offers counts as asked for."""
        self._account.begun_s = at_s

    def end(self, at_s: float) -> None:
        """It produces until then."""
        self._account.ended_s = at_s

    def push(self, sender: Sender, due_s: float) -> Attempt:
        """Push the next batch, which was due at `due_s`, and record its outcome."""
        first = self._next
        self._next = first + self._batch
        body = self._bodies.body(first, epoch_us(due_s) if self._bodies.stamped else 0)
        begun_at = perf_counter()
        self._in_flight[first] = due_s, begun_at
        try:
            attempt = sender.push(body, self._batch)
        except GreenletExit:
            self._settle(first, due_s, cut_off(begun_at, perf_counter()))
            raise
        if self._settle(first, due_s, attempt):
            self._on_attempt(due_s, attempt)
        return attempt

    def _settle(self, first: int, due_s: float, attempt: Attempt) -> bool:
        """Record what became of a push; False when the run has cut it off before."""
        if self._in_flight.pop(first, None) is None:
            return False
        self._recorder.pushed(self._account, first, first + self._batch - 1, due_s, attempt)
        return True


def partition_name(index: int) -> str:
    """Name of the partition with this number, from 0."""
    return f"p{index}"


def failure_text(outcome: PushOutcome) -> str:
    """One failure as Locust's failure table shows it."""
    status = f"{outcome.status} " if outcome.status else ""
    return f"{status}{outcome.code}: {outcome.text}" if outcome.text else f"{status}{outcome.code}"
