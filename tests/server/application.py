"""A worker around a small application, to be started as a process: `python -m tests.server.application`.

POST /park says "parked" on stdout and answers after the drain has begun; POST /stuck never answers,
POST /fail fails.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from queen.errors import UserError
from queen.event_loop import loop_factory
from queen.http.connections import Connections
from queen.http.message import Request, Response
from queen.http.routes import Route, RouteTable
from queen.observe.instance import Siblings
from queen.observe.log import start_logging
from queen.observe.loop_lag import LoopLag
from queen.server.worker import serve_alone
from queen.settings import Settings, load


def say(line: str) -> None:
    """One line on stdout, past Python's buffer, when somebody reads it."""
    with suppress(OSError):
        os.write(1, line.encode() + b"\n")


@dataclass
class SmallApplication:
    """Four handlers and a drain."""

    draining: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def routes(self) -> RouteTable:
        return RouteTable(
            [
                Route("GET", "/livez", self.livez),
                Route("POST", "/park", self.park),
                Route("POST", "/stuck", self.stuck),
                Route("POST", "/fail", self.fail),
            ]
        )

    def begin_drain(self) -> None:
        self.draining.set()

    async def livez(self, _request: Request) -> Response:
        return Response(body=b'{"loop":"%s"}' % type(asyncio.get_running_loop()).__module__.encode())

    async def park(self, _request: Request) -> Response:
        say("parked")
        await self.draining.wait()
        return Response(status=204)

    async def stuck(self, _request: Request) -> Response:
        say("parked")
        await asyncio.Event().wait()
        return Response()

    async def fail(self, _request: Request) -> Response:
        raise RuntimeError("as asked")


@asynccontextmanager
async def application(
    _settings: Settings, _connections: Connections, _lag: LoopLag, _siblings: Siblings
) -> AsyncIterator[SmallApplication]:
    yield SmallApplication()
    say("application closed")


def main() -> int:
    settings = load(os.environ)
    start_logging(settings.log_level)
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(serve_alone(settings, application))
    except UserError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
