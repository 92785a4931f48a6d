"""A consumer: long-polls for messages and acknowledges each batch.

Pops are not tied to a producer's partition: the server picks partitions with messages, at most as many
in one pop as the plan has.
"""

from time import perf_counter

import msgspec
from gevent.event import Event
from msgspec import Struct

from loadtests.load.outcome import TEXT_LIMIT
from loadtests.load.run import LoadRun
from loadtests.load.transport import Answer, Connection, TransportError

POLL_MS = 1_000  # of one long poll: short, so that a run ends soon after it is stopped
PAUSE_S = 0.2  # after a failure, so that a broken server is not hammered


class PoppedMessage(Struct, rename="camel", frozen=True):
    """What an acknowledgement must repeat."""

    transaction_id: str
    partition_id: str
    lease_id: str = ""


class _Popped(Struct):
    messages: list[PoppedMessage] = []


class _Acknowledgements(Struct, frozen=True):
    acknowledgments: list[PoppedMessage]


class _Acknowledged(Struct):
    success: bool = False


_popped = msgspec.json.Decoder(_Popped)
_acknowledged = msgspec.json.Decoder(list[_Acknowledged])


class ConsumerLoop:
    """Pop, acknowledge, again; counts messages whose acknowledgement succeeded."""

    def __init__(self, run: LoadRun, stopping: Event) -> None:
        plan = run.plan
        self._run = run
        self._stopping = stopping
        self._connection = Connection(run.endpoint, run.watchdog)
        path = (
            f"/api/v1/pop/queue/{plan.queue}?wait=true&timeout={POLL_MS}"
            f"&batch={plan.batch}&partitions={plan.partitions}"
        )
        self._pop_request = run.endpoint.request_head("GET", path) + b"\r\n"
        self._ack_head = run.endpoint.request_head(
            "POST", "/api/v1/ack/batch", {"Content-Type": "application/json"}
        )

    def run(self) -> None:
        """Consume until told to stop."""
        while not self._stopping.is_set():
            if messages := self._pop():
                self._acknowledge(messages)

    def _pop(self) -> list[PoppedMessage]:
        answer = self._exchange("GET", "pop", self._pop_request, (200, 204))
        if answer is None or answer.reply.status == 204:
            return []
        try:
            return _popped.decode(answer.reply.body).messages
        except msgspec.MsgspecError as error:
            self._run.live.other("GET", "pop", 0.0, 0, f"bad answer: {error}")
            self._stopping.wait(PAUSE_S)
            return []

    def _acknowledge(self, messages: list[PoppedMessage]) -> None:
        body = msgspec.json.encode(_Acknowledgements(messages))
        request = self._ack_head + b"Content-Length: %d\r\n\r\n" % len(body) + body
        answer = self._exchange("POST", "ack", request, (200,))
        if answer is None:
            return
        try:
            items = _acknowledged.decode(answer.reply.body)
        except msgspec.MsgspecError as error:
            self._run.live.other("POST", "ack", 0.0, 0, f"bad answer: {error}")
            return
        self._run.recorder.popped(sum(item.success for item in items), answer.answered_at)

    def _exchange(self, method: str, name: str, request: bytes, good: tuple[int, ...]) -> Answer | None:
        """One request, shown in Locust's table; None, after a pause, when it failed."""
        live, begun_at = self._run.live, perf_counter()
        try:
            answer = self._connection.exchange(request)
        except TransportError as error:
            live.other(method, name, error.failed_at - begun_at, 0, str(error))
            self._stopping.wait(PAUSE_S)
            return None
        reply, duration_s = answer.reply, answer.answered_at - answer.sent_at
        if reply.status in good:
            live.other(method, name, duration_s, len(reply.body))
            return answer
        text = reply.body[:TEXT_LIMIT].decode("utf-8", "replace")
        live.other(method, name, duration_s, len(reply.body), f"{reply.status}: {text}")
        self._stopping.wait(PAUSE_S)
        return None
