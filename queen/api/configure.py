"""POST /api/v1/configure: makes a queue, or sets every option of it anew."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from queen.api.codec import Decoder, answer, text_of
from queen.core.deadline import StartDeadline
from queen.core.queues import Queues
from queen.core.store import QueueOptions
from queen.errors import BadRequest
from queen.http.message import Request, Response
from queen.http.operation import Operation
from queen.http.routes import Route

Seconds = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]

_DEFAULT = QueueOptions()
_LEASE_OF_ZERO_S = 60  # leaseTime 0 means this


class Options(Struct, rename="camel"):
    """What a client may set; what it leaves out gets its default."""

    lease_time: Seconds = _DEFAULT.lease_time
    retry_limit: Count = _DEFAULT.retry_limit
    retry_delay: Count = _DEFAULT.retry_delay
    max_size: Count = _DEFAULT.max_size
    ttl: Seconds = _DEFAULT.ttl
    priority: Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)] = _DEFAULT.priority
    dead_letter_queue: bool = _DEFAULT.dead_letter_queue
    dlq_after_max_retries: bool = _DEFAULT.dlq_after_max_retries
    delayed_processing: Seconds = _DEFAULT.delayed_processing
    window_buffer: Seconds = _DEFAULT.window_buffer
    retention_seconds: Seconds = _DEFAULT.retention_seconds
    completed_retention_seconds: Seconds = _DEFAULT.completed_retention_seconds
    retention_enabled: bool = _DEFAULT.retention_enabled
    max_wait_time_seconds: Seconds = _DEFAULT.max_wait_time_seconds
    encryption_enabled: bool = False


class Body(Struct):
    """The request."""

    queue: str
    namespace: str | None = None
    task: str | None = None
    options: Options | None = None


class Configured(Struct, rename="camel"):
    """The answer: every option with the value that is in force."""

    configured: bool
    queue_id: str
    partition_id: str
    queue: str
    namespace: str
    task: str
    options: Options


_DECODER = Decoder(Body, {"queue": "queue is required"})


class ConfigureResource:
    """The configure endpoint."""

    def __init__(self, queues: Queues, deadline: StartDeadline) -> None:
        self._queues = queues
        self._deadline = deadline

    def routes(self) -> list[Route]:
        """The endpoint."""
        operation = Operation("Make a queue, or set every option of it anew", {200: Configured}, body=Body)
        return [Route("POST", "/api/v1/configure", self.configure, operation)]

    async def configure(self, request: Request) -> Response:
        """200; 400 for an option that asks for what is not there."""
        body: Body = _DECODER.decode(request.body)
        queue = text_of(body.queue, "queue")
        namespace = text_of(body.namespace or "", "namespace")
        task = text_of(body.task or "", "task")
        options = body.options or Options()
        if options.encryption_enabled:
            raise BadRequest(
                "encryptionEnabled: this server does not encrypt payloads; encrypt them in the client"
            )
        options.lease_time = options.lease_time or _LEASE_OF_ZERO_S
        stored = msgspec.convert(options, QueueOptions, from_attributes=True)
        made = await self._queues.configure(queue, namespace, task, stored, self._deadline())
        return answer(
            Configured(
                configured=True,
                queue_id=str(made.queue_uuid),
                partition_id=str(made.partition_uuid),
                queue=queue,
                namespace=namespace,
                task=task,
                options=options,
            )
        )
