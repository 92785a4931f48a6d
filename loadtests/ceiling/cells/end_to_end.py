"""From a push to the long-polling consumer that has the message, at a rate that loads nothing."""

import asyncio
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field

import msgspec

from loadtests.ceiling.bench import Bench
from loadtests.ceiling.cells import PARTITIONS, PAYLOAD_BYTES
from loadtests.ceiling.cells.one_server import OneServer
from loadtests.ceiling.push_body import NUMBER, PARTITION, push_template
from loadtests.ceiling.window import Asked, Measured, percentile_ms
from loadtests.results import CeilingCell
from loadtests.sweep.http_client import KeptConnection, NoAnswer

QUEUE = "ceiling-e2e"
CONSUMERS = 4
SENDERS = 64  # pushes that may be without an answer at a time: more than half a second of them
TIMEOUT_S = 30.0
POP_PATH = f"/api/v1/pop/queue/{QUEUE}?batch=100&autoAck=true&wait=true&timeout=20000"
PUSH_PATH = "/api/v1/push"
LONGEST_S = 5.0  # for the last messages to come
WINDOWS = 2  # lengths of a usual window: at 100 msg/s one is too short for a p99


class Message(msgspec.Struct, rename="camel"):
    """As much of a popped message as is needed."""

    transaction_id: str


class Delivery(msgspec.Struct):
    """As much of a pop's answer."""

    messages: list[Message]


@dataclass
class Course:
    """When each message was due, sent, taken and answered, by `time.perf_counter`."""

    due_s: dict[str, float] = field(default_factory=dict)
    sent_s: dict[str, float] = field(default_factory=dict)
    taken_s: dict[str, float] = field(default_factory=dict)
    answered_s: list[float] = field(default_factory=list)  # durations of pushes
    errors: list[str] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)  # a consumer got something


@dataclass(frozen=True)
class EndToEnd(OneServer):
    """`rate` messages a second, one a push; the figure is the p99."""

    rate: int = 100

    @property
    def key(self) -> str:
        """For instance `e2e-100@coalesce-w2-p20`."""
        return f"e2e-{self.rate}@{self.server.label}"

    @property
    def described(self) -> CeilingCell:
        return CeilingCell(
            key=self.key,
            group="server",
            kind="end to end",
            label=f"push to consumer at {self.rate} msg/s, p99, {self.server.label}",
            unit="ms",
        )

    async def prepare(self, bench: Bench) -> None:
        """Make the partitions."""
        await bench.servers[self.server].partitions(QUEUE, PARTITIONS)

    async def measure(self, bench: Bench, asked: Asked) -> Measured:
        """Push on schedule while consumers wait; every message that was answered must come."""
        url = bench.servers[self.server].url
        course = Course()
        window_s = WINDOWS * asked.measure_s
        cpu_s = time.process_time()
        async with AsyncExitStack() as stack:
            consumers = [asyncio.create_task(_consume(_kept(url, stack), course)) for _ in range(CONSUMERS)]
            try:
                began_s = await self._produce(url, stack, course, asked, window_s)
                await _until_all_came(course)
            finally:
                for consumer in consumers:
                    consumer.cancel()
                await asyncio.gather(*consumers, return_exceptions=True)
        return _measured(course, began_s, window_s, time.process_time() - cpu_s)

    async def _produce(
        self, url: str, stack: AsyncExitStack, course: Course, asked: Asked, window_s: float
    ) -> float:
        """Send everything; returns when the window began."""
        template = push_template(QUEUE, 1, PAYLOAD_BYTES, asked.seed)
        idle = [_kept(url, stack) for _ in range(SENDERS)]
        begin_s = time.perf_counter()
        async with asyncio.TaskGroup() as pushes:
            for number in range(round((asked.warmup_s + window_s) * self.rate)):
                due_s = begin_s + number / self.rate
                await asyncio.sleep(due_s - time.perf_counter())
                if not idle:
                    course.errors.append(f"{SENDERS} pushes were without an answer")
                    break
                name = f"{asked.tag}-{number}"
                body = template.replace(NUMBER, name).replace(PARTITION, str(number % PARTITIONS))
                course.due_s[name] = due_s
                pushes.create_task(_push(idle, name, body.encode(), course))
        return begin_s + asked.warmup_s


async def _push(idle: list[KeptConnection], name: str, body: bytes, course: Course) -> None:
    connection = idle.pop()
    course.sent_s[name] = sent_s = time.perf_counter()
    try:
        await connection.post(PUSH_PATH, body)
        course.answered_s.append(time.perf_counter() - sent_s)
    except NoAnswer as error:
        course.errors.append(str(error))
    idle.append(connection)


async def _consume(connection: KeptConnection, course: Course) -> None:
    while True:
        try:
            body = await connection.get(POP_PATH)
        except NoAnswer as error:
            course.errors.append(str(error))
            return
        now_s = time.perf_counter()
        if body:
            for message in msgspec.json.decode(body, type=Delivery).messages:
                course.taken_s.setdefault(message.transaction_id, now_s)
            course.news.set()


async def _until_all_came(course: Course) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(LONGEST_S):
            while course.sent_s.keys() - course.taken_s.keys():
                course.news.clear()
                await course.news.wait()


def _measured(course: Course, began_s: float, window_s: float, cpu_s: float) -> Measured:
    missing = course.sent_s.keys() - course.taken_s.keys()
    durations_s = [
        course.taken_s[name] - sent_s
        for name, sent_s in course.sent_s.items()
        if course.due_s[name] >= began_s and name not in missing
    ]
    p99_ms = percentile_ms(durations_s, 99)
    measured = Measured(
        value=p99_ms or 0.0,
        measured_s=window_s,
        messages=len(durations_s),
        run_messages=len(course.sent_s) - len(missing),
        p50_ms=percentile_ms(durations_s, 50),
        p99_ms=p99_ms,
        generator_cpu_s=cpu_s,
        figures={"push_p99_ms": percentile_ms(course.answered_s, 99) or 0.0},
        faults=tuple(course.errors[:1]),
    )
    return measured.checked(f"{len(missing)} messages never came" if missing else None)


def _kept(url: str, stack: AsyncExitStack) -> KeptConnection:
    connection = KeptConnection(url, timeout_s=TIMEOUT_S)
    stack.push_async_callback(connection.close)
    return connection
