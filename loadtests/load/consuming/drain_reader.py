"""Reads a queue to its end over HTTP when a load is over, in a group of its own or for those of the run.

Takes messages with autoAck: a pop without an answer may have taken some that nobody has seen, and after
that nothing is claimed about what is missing.
"""

import logging
from collections.abc import Callable, Sequence
from time import perf_counter
from urllib.parse import quote

import gevent
import msgspec

from loadtests.load.consuming.taking import PoppedMessage, read_messages
from loadtests.load.measuring.outcome import TEXT_LIMIT, refused_for_now
from loadtests.load.wire.framing import Reply
from loadtests.load.wire.transport import Connection, NoAnswer, TransportError, Watchdog, parse_endpoint
from loadtests.results import QUEUE_MODE

BATCH = 1_000
POLL_MS = 500  # of a pop that waits for leases to end
PAUSE_S = 0.2  # after a pop that failed
MAX_PAUSE_S = 2.0
EMPTY_PAUSE_S = 0.02  # after a pop without messages: a server may answer it at once
REFUSED_S = 2.0  # without an answer to a pop: nobody waits for a server that has nothing for us
QUIET_S = 1.0  # without a message, though some are missing: there are no more
ANSWER_TIMEOUT_S = 10.0

logger = logging.getLogger(__name__)

OnMessages = Callable[[Sequence[PoppedMessage]], None]


class Patience:
    """How long to read on: until nothing has come for `quiet_s`, and `longest_s` at most.

    So a queue of many messages is given the time that they need, and a server that has nothing is soon left.
    """

    def __init__(self, quiet_s: float, longest_s: float) -> None:
        self._quiet_s = quiet_s
        self._latest_s = perf_counter() + longest_s
        self.renew()

    @property
    def left_s(self) -> float:
        """Seconds; 0 when it is over."""
        return max(0.0, min(self._latest_s, self._renewed_s + self._quiet_s) - perf_counter())

    def renew(self) -> None:
        """There were messages, or another group is read."""
        self._renewed_s = perf_counter()


class DrainReader:
    """Pops of one queue over one connection. Raises ValueError for a host that is no http:// address."""

    def __init__(self, host: str, queue: str, *, partitions: int) -> None:
        self._endpoint = parse_endpoint(host)
        self._watchdog = Watchdog(ANSWER_TIMEOUT_S)
        self._connection = Connection(self._endpoint, self._watchdog)
        self._path = (
            f"/api/v1/pop/queue/{quote(queue, safe='')}?wait=true&timeout={POLL_MS}&autoAck=true"
            f"&batch={BATCH}&partitions={partitions}&subscriptionMode=all"
        )

    def read(
        self,
        group: str,
        on_messages: OnMessages,
        *,
        enough: Callable[[], bool],
        patience: Patience,
        quiet_s: float = QUIET_S,
    ) -> bool:
        """Read the group to its end; True when it was reached and nothing can have been overlooked.

        The end: no message is there (204, or 200 without any, as some servers have it) and there were
        `enough`, or none has come for `quiet_s` (for as long as a lease may still hold some back). Stops at
        the end of `patience`; of a server that refuses or does not answer it says so, and waits until then
        only if there were not `enough`.
        """
        path = self._path + ("" if group == QUEUE_MODE else f"&consumerGroup={quote(group, safe='')}")
        request = self._endpoint.request_head("GET", path) + b"\r\n"
        patience.renew()
        certain, quiet_since, refusals = True, perf_counter(), _Refusals(group, enough, patience)
        while patience.left_s:
            try:
                reply = self._connection.exchange(request).reply
            except TransportError as error:
                certain = certain and not isinstance(error, NoAnswer)
                if refusals.are_the_end(str(error)):
                    return False
                gevent.sleep(PAUSE_S)
                continue
            if refused_for_now(reply.status, reply.body):
                if refusals.are_the_end(f"{reply.status}: {_text(reply)}"):
                    return False
                gevent.sleep(min(max(PAUSE_S, reply.retry_after_s or 0.0), MAX_PAUSE_S))
                quiet_since = perf_counter()
                continue
            refusals.are_over()
            messages: Sequence[PoppedMessage] = ()
            if reply.status == 200:
                try:
                    messages = read_messages(reply.body)
                except msgspec.MsgspecError:
                    return False
            elif reply.status != 204:
                return False
            if messages:
                on_messages(messages)
                patience.renew()
                quiet_since = perf_counter()
            elif enough() or perf_counter() - quiet_since >= quiet_s:
                return certain
            else:
                gevent.sleep(EMPTY_PAUSE_S)
        return False

    def close(self) -> None:
        """Close the connection."""
        self._watchdog.stop()
        self._connection.close()


class _Refusals:
    """Pops one after the other that came to nothing."""

    def __init__(self, group: str, enough: Callable[[], bool], patience: Patience) -> None:
        self._group = group
        self._enough = enough
        self._patience = patience
        self._since_s: float | None = None
        self._said = False

    def are_the_end(self, text: str) -> bool:
        """Another one: whether they go on for too long, with nothing that would be worth the wait."""
        now_s = perf_counter()
        self._since_s = self._since_s or now_s
        if now_s - self._since_s < REFUSED_S or self._said:
            return False
        if self._enough():
            return True
        self._said = True
        line = "group %s cannot be read back (%s); what is missing is waited for, at most %.0f s"
        logger.warning(line, self._group, text, self._patience.left_s)
        return False

    def are_over(self) -> None:
        """A pop was answered."""
        self._since_s = None


def _text(reply: Reply) -> str:
    return reply.body[:TEXT_LIMIT].decode("utf-8", "replace")
