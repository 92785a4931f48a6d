"""The Locust users. Each producer user is one producer with its own connections and partition.

`QueueUser` speaks over raw sockets: sweeps use it, because the generator must not be what is measured.
`FastProducer` does the same over Locust's FastHttpUser, to read and to extend. `Consumer` pops and
acknowledges. A user only starts its loop and waits: the loop runs in a greenlet that the run owns.
"""

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from gevent import Greenlet
from gevent.event import Event
from locust import FastHttpUser, User, task
from locust.env import Environment
from locust.exception import StopUser

from loadtests.load.consuming.consumer import ConsumerLoop
from loadtests.load.measuring.attempt import Attempt
from loadtests.load.measuring.locust_stats import PUSH
from loadtests.load.measuring.outcome import classify, no_answer, not_sent
from loadtests.load.producing import pacing
from loadtests.load.producing.loops import ClosedLoop, Loop, OpenLoop
from loadtests.load.producing.producer import (
    JSON_HEADERS,
    PUSH_PATH,
    OnAttempt,
    Producer,
    RawSender,
    Sender,
    failure_text,
)
from loadtests.load.run import LoadRun, current_run
from loadtests.results import Client

FAST_CONNECTIONS = 10_000  # most of one FastProducer, opened when needed: its rate may rise


class LoopUser(User):
    """A user whose whole task is one loop of the current run."""

    abstract = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.stopping = Event()
        self._worker: Greenlet | None = None

    def on_start(self) -> None:
        """Join the current run; without one, or when it is over, there is nothing to do."""
        run = current_run(self.environment)
        if run is not None and not run.is_over:
            self._worker = run.work(self.make_loop(run), self.stopping)

    @task
    def work(self) -> None:
        """Wait for the loop to end."""
        if self._worker is not None:
            self._worker.join()
        raise StopUser

    def on_stop(self) -> None:
        """Stop issuing; what is under way is the run's to join."""
        self.stopping.set()

    def make_loop(self, run: LoadRun) -> Loop:
        """The loop of this user."""
        raise NotImplementedError


class QueueUser(LoopUser):
    """A producer over raw keep-alive sockets."""

    def make_loop(self, run: LoadRun) -> Loop:
        return producer_loop(
            run, self.stopping, lambda: RawSender(run.endpoint, run.watchdog), run.live.pushed
        )


class Consumer(LoopUser):
    """Pops with long polls and acknowledges in batches."""

    def make_loop(self, run: LoadRun) -> Loop:
        return ConsumerLoop(run, self.stopping)


class FastProducer(LoopUser, FastHttpUser):
    """A producer over Locust's FastHttpUser."""

    def __init__(self, environment: Environment) -> None:
        if (run := current_run(environment)) is not None:
            self.network_timeout = self.connection_timeout = run.plan.timeout_s
            if run.plan.loop == "open":  # with fewer, requests would queue inside the client
                self.concurrency = max(pacing.in_flight_cap(run.plan), FAST_CONNECTIONS)
        super().__init__(environment)

    def make_loop(self, run: LoadRun) -> Loop:
        sender = FastSender(self.client, run.endpoint.credentials)
        return producer_loop(run, self.stopping, lambda: sender, run.live.pushed_elsewhere)


PRODUCERS: dict[Client, type[LoopUser]] = {"raw": QueueUser, "fast": FastProducer}


class StampedBody(bytes):
    """A body that notes when it goes to the socket: the client joins it to its head just before the write.

    That is when it has a connection at last, which may have had to be waited for, or opened.
    """

    sent_at: float | None = None

    def __radd__(self, head: bytes) -> bytes:
        self.sent_at = perf_counter()
        return head.__add__(self)


class FastSender:
    """Pushes through a FastHttpSession, which fires Locust's request event for each push.

    Service time is from the socket write, as over raw sockets, and so is Locust's own row.
    """

    def __init__(self, client: Any, credentials: Mapping[str, str]) -> None:
        self._client = client
        self._headers = {**JSON_HEADERS, **credentials}

    def push(self, body: bytes, batch: int) -> Attempt:
        begun_at, stamped = perf_counter(), StampedBody(body)
        with self._client.post(
            PUSH_PATH, data=stamped, headers=self._headers, name=PUSH, catch_response=True
        ) as response:
            done_at = perf_counter()
            sent_at = done_at if stamped.sent_at is None else stamped.sent_at
            content = response.content or b""
            if response.status_code:
                outcome = classify(response.status_code, content, batch)
            elif isinstance(response.error, ConnectionRefusedError):
                outcome = not_sent(str(response.error))
            else:
                outcome = no_answer(str(response.error))
            if outcome.code:
                response.request_meta["response_time"] = None  # a failure is counted, and is no latency
                response.failure(failure_text(outcome))
            else:
                response.request_meta["response_time"] = (done_at - sent_at) * 1000
                response.success()
        return Attempt(outcome, begun_at, sent_at, done_at, len(content), _retry_after_s(response.headers))


def producer_loop(
    run: LoadRun, stopping: Event, new_sender: Callable[[], Sender], on_attempt: OnAttempt
) -> Loop:
    """The loop of the next producer of the run, as its plan says."""
    plan = run.plan
    producer = Producer(plan, run.next_producer(), run.recorder, on_attempt)
    if plan.loop == "closed":
        return ClosedLoop(producer, new_sender(), run.hold_back(), stopping)
    return OpenLoop(
        producer,
        new_sender,
        run.recorder,
        stopping,
        stages=run.stages,
        due_times=lambda stage: pacing.schedule(plan, producer.number, stage).due_times(),
        cap=lambda stage: pacing.in_flight_cap(plan, stage),
        hold=run.hold_back(),
    )


def _retry_after_s(headers: Any) -> float | None:
    value = headers.get("retry-after") if headers else None
    return float(value) if value and value.isdigit() else None
