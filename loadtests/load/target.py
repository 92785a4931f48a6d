"""What the target of a load tells about itself: its pool, if it has `/metrics/pool`."""

import msgspec
from msgspec import Struct

from loadtests.load.transport import Connection, TransportError, Watchdog, parse_endpoint

ANSWER_TIMEOUT_S = 2.0


class PoolGauges(Struct, frozen=True, rename="camel"):
    """The guide's three gauges, and the size that is configured if the server says it."""

    total_count: int
    idle_count: int
    waiting_count: int
    max_count: int | None = None


_gauges = msgspec.json.Decoder(PoolGauges)


class PoolProbe:
    """Reads the pool's gauges of one server over a connection that it keeps.

    Raises ValueError for a host that is no http:// address.
    """

    def __init__(self, host: str) -> None:
        endpoint = parse_endpoint(host)
        self._watchdog = Watchdog(ANSWER_TIMEOUT_S)
        self._connection = Connection(endpoint, self._watchdog)
        self._request = endpoint.request_head("GET", "/metrics/pool") + b"\r\n"

    def read(self) -> PoolGauges | None:
        """The gauges now; None when the server does not answer or does not have them."""
        try:
            reply = self._connection.exchange(self._request).reply
            return _gauges.decode(reply.body) if reply.status == 200 else None
        except (TransportError, msgspec.MsgspecError):
            return None

    def close(self) -> None:
        """Close the connection."""
        self._watchdog.stop()
        self._connection.close()


def read_pool(host: str) -> PoolGauges | None:
    """Read the gauges once."""
    try:
        probe = PoolProbe(host)
    except ValueError:
        return None
    try:
        return probe.read()
    finally:
        probe.close()
