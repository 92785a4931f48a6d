"""A TCP relay that puts a given round-trip time between a server and its database.

    python -m queen.local.relay --listen 127.0.0.1:0 --to 127.0.0.1:5432 --rtt-ms 2

It prints `listening on 127.0.0.1:PORT` and runs until SIGTERM or SIGINT. Each direction of each
connection is delayed by half the round trip, chunk by chunk; connections do not wait for each other.
Opening a connection takes one round trip, as TCP's handshake does.
"""

import argparse
import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from queen.event_loop import loop_factory
from queen.local.delay_line import DelayLine
from queen.local.relay_link import End

CONNECT_TIMEOUT_S = 10.0
MAX_RTT_MS = 60_000.0
# What each direction costs even without a delay (two system calls and two wake-ups more; median of
# SELECT 1 on one machine, with and without relay), so that the asked round trip is the one that is had.
OWN_DELAY_S = 75e-6


@dataclass(frozen=True)
class Address:
    """Host and port of a TCP socket."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read `HOST:PORT`. Raises ValueError."""
        host, _, port = text.rpartition(":")
        return cls(host.strip("[]"), int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class ClientEnd(End):
    """The accepted end of a connection. It has the far end opened, then the two are joined."""

    def __init__(self, line: DelayLine, ends: set[End], accepted: Callable[["ClientEnd"], None]) -> None:
        super().__init__(line, ends)
        self._accepted = accepted

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._accepted(self)


@asynccontextmanager
async def relaying(*, listen: Address, to: Address, rtt_ms: float) -> AsyncIterator[Address]:
    """Relay from `listen` (port 0: any free one) to `to`; yields the address it listens on.

    At the end every connection is closed. Raises OSError when the address cannot be had.
    """
    loop = asyncio.get_running_loop()
    line = DelayLine(loop, rtt_ms / 2_000 - OWN_DELAY_S)
    ends: set[End] = set()
    async with _Connector(line, ends, to) as connector:
        server = await loop.create_server(
            lambda: ClientEnd(line, ends, connector.accepted), listen.host, listen.port
        )
        try:
            yield Address(*server.sockets[0].getsockname()[:2])
        finally:
            server.close()
            line.close()
            open_ends = tuple(ends)
            for end in open_ends:
                end.transport.abort()
            await asyncio.gather(*(end.lost for end in open_ends))


class _Connector:
    """Opens the far ends; owns the attempts that are under way."""

    def __init__(self, line: DelayLine, ends: set[End], to: Address) -> None:
        self._line = line
        self._ends = ends
        self._to = to
        self._attempts: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "_Connector":
        return self

    async def __aexit__(self, *_: object) -> None:
        for attempt in self._attempts:
            attempt.cancel()
        await asyncio.gather(*self._attempts, return_exceptions=True)

    def accepted(self, near: ClientEnd) -> None:
        """Start to open the far end for an accepted connection."""
        attempt = asyncio.get_running_loop().create_task(self._connect(near))
        self._attempts.add(attempt)
        attempt.add_done_callback(self._attempts.discard)

    async def _connect(self, near: ClientEnd) -> None:
        await self._line.travel()
        far = End(self._line, self._ends)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await asyncio.get_running_loop().create_connection(lambda: far, self._to.host, self._to.port)
        except OSError as error:  # TimeoutError is one
            print(f"cannot connect to {self._to}: {error}", file=sys.stderr, flush=True)
            near.transport.abort()
            return
        await self._line.travel()
        near.join(far)
        far.join(near)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a relay as a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m queen.local.relay", description=__doc__.splitlines()[0])
    parser.add_argument("--listen", type=Address.parse, default=Address("127.0.0.1", 0), metavar="HOST:PORT")
    parser.add_argument("--to", type=Address.parse, required=True, metavar="HOST:PORT")
    parser.add_argument("--rtt-ms", type=_rtt_ms, default=0.0, help="round trip to add, milliseconds")
    options = parser.parse_args(argv)
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(_serve(options.listen, options.to, options.rtt_ms))
    except OSError as error:
        print(f"relay: cannot listen on {options.listen}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def _rtt_ms(text: str) -> float:
    rtt_ms = float(text)
    if not 0 <= rtt_ms <= MAX_RTT_MS:  # false for nan, too
        raise ValueError(text)
    return rtt_ms


async def _serve(listen: Address, to: Address, rtt_ms: float) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with relaying(listen=listen, to=to, rtt_ms=rtt_ms) as address:
        gc.freeze()  # what is there stays: a collection then looks at connections only
        print(f"listening on {address}", flush=True)
        await stop.wait()


if __name__ == "__main__":
    sys.exit(main())
