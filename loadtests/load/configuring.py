"""Configures a run's own queue before the first push: how long a lease lasts, and when it is full.

Before the first push, because a server that has seen a queue without maxSize asks again after seconds
only. A queue that others use is left as it is: configuring sets every option anew.
"""

import msgspec

from loadtests.load.measuring.part import Part
from loadtests.load.observing import Verdict
from loadtests.load.plan import LoadPlan
from loadtests.load.wire.transport import Connection, TransportError, Watchdog, parse_endpoint
from loadtests.results import RunFiles
from queen.errors import UserError

ANSWER_TIMEOUT_S = 10.0
TEXT_LIMIT = 200  # characters of an answer that are shown


class QueueConfiguration:
    """Sets the options of a run's queue when it has consumers. A `RunObserver`."""

    def began(self, files: RunFiles, plan: LoadPlan) -> None:
        """Configure, before any user begins. Raises `UserError` when the server does not."""
        if plan.consuming is None or not plan.queue_is_its_own:
            return
        endpoint, watchdog = parse_endpoint(plan.host), Watchdog(ANSWER_TIMEOUT_S)
        options = {"leaseTime": plan.consuming.lease_s, "maxSize": plan.consuming.max_size}
        body = msgspec.json.encode({"queue": plan.queue, "options": options})
        head = endpoint.request_head("POST", "/api/v1/configure", {"Content-Type": "application/json"})
        try:
            answer = Connection(endpoint, watchdog).exchange(
                head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
            )
        except TransportError as error:
            raise UserError(f"the queue cannot be configured: {error}") from None
        finally:
            watchdog.stop()
        if answer.reply.status not in (200, 201):
            text = answer.reply.body[:TEXT_LIMIT].decode("utf-8", "replace")
            raise UserError(f"the queue cannot be configured: {answer.reply.status} {text}")

    def looked(self, total: Part) -> None:
        """Nothing to do."""

    def ended(self, files: RunFiles, plan: LoadPlan, total: Part) -> Verdict | None:
        """Nothing to do."""
