"""What the target of a load tells about itself: its pool, and how far behind a queue's consumers are.

Each is None where the server has no such endpoint or does not answer.
"""

from typing import TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Struct

from loadtests.load.wire.transport import Connection, TransportError, Watchdog, parse_endpoint

ANSWER_TIMEOUT_S = 2.0
POOL_PATH = "/metrics/pool"
NOT_FOUND = 404

Found = TypeVar("Found")


class WaitHistogram(Struct, frozen=True, rename="camel"):
    """Finished waits for a connection since the server's start: counts at most `le_ms[i]`, one more above."""

    le_ms: tuple[float, ...]
    counts: tuple[int, ...]


class Boarding(Struct, frozen=True, rename="camel"):
    """Requests that wait to share a call, under `coalesce`; the call alone waits for a connection."""

    waiting_count: int
    timeouts: int
    wait_histogram: WaitHistogram


class PoolGauges(Struct, frozen=True, rename="camel"):
    """The guide's three gauges; then what a server of ours tells beside them."""

    total_count: int
    idle_count: int
    waiting_count: int
    max_count: int | None = None  # the size that is configured
    timeouts: int | None = None  # cumulative: waits that ended without a connection
    wait_histogram: WaitHistogram | None = None
    boarding: Boarding | None = None


class Backlog(Struct, frozen=True):
    """One queue: what is there and not consumed."""

    pending: int  # messages, of the reference group
    lag: int | None  # messages that the group that is furthest behind has not consumed; None: no group
    lag_s: int | None  # age of the oldest message that a group has not consumed


class Unread(Struct, frozen=True):
    """Why something is not known, in one line."""

    reason: str


class _Held(Struct):
    pending: int


class _Status(Struct):
    messages: _Held


class _Group(Struct, rename="camel"):
    queue_name: str
    total_lag: int
    max_time_lag: int


class TargetProbe:
    """Reads one server over a connection that it keeps. One question at a time.

    Raises ValueError for a host that is no http:// address.
    """

    def __init__(self, host: str) -> None:
        self._endpoint = parse_endpoint(host)
        self._watchdog = Watchdog(ANSWER_TIMEOUT_S)
        self._connection = Connection(self._endpoint, self._watchdog)

    def pool(self) -> PoolGauges | None:
        """The gauges now."""
        return self._get(POOL_PATH, PoolGauges)

    def backlog(self, queue: str) -> Backlog | None:
        """How far behind the consumers of a queue are; costs the server a connection of its pool."""
        status = self._get(f"/api/v1/status?queue={quote(queue, safe='')}", _Status)
        if status is None:
            return None
        groups = self._get("/api/v1/consumer-groups", list[_Group]) or []
        ours = [group for group in groups if group.queue_name == queue]
        return Backlog(
            pending=status.messages.pending,
            lag=max((group.total_lag for group in ours), default=None),
            lag_s=max((max(0, group.max_time_lag) for group in ours), default=None),  # clocks differ
        )

    def close(self) -> None:
        """Close the connection."""
        self._watchdog.stop()
        self._connection.close()

    def pool_or_why(self) -> PoolGauges | Unread:
        """The gauges now, or why there are none."""
        return self._ask(POOL_PATH, PoolGauges)

    def _get(self, path: str, shape: type[Found]) -> Found | None:
        found = self._ask(path, shape)
        return None if isinstance(found, Unread) else found

    def _ask(self, path: str, shape: type[Found]) -> Found | Unread:
        request = self._endpoint.request_head("GET", path) + b"\r\n"
        try:
            reply = self._connection.exchange(request).reply
            if reply.status == 200:
                return msgspec.json.decode(reply.body, type=shape)
        except TransportError as error:
            return Unread(f"{path} could not be read: {error}")
        except msgspec.MsgspecError:
            return Unread(f"{path} was not answered as a server of Queen's does")
        if reply.status == NOT_FOUND:
            return Unread(f"the server has no {path}")
        return Unread(f"{path} was answered {reply.status}")


def read_pool(host: str) -> PoolGauges | Unread:
    """Read the gauges once."""
    try:
        probe = TargetProbe(host)
    except ValueError as error:
        return Unread(f"{POOL_PATH} could not be read: {error}")
    try:
        return probe.pool_or_why()
    finally:
        probe.close()
