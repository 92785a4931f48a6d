"""A server around a small application, to be started as a process: `python -m tests.server.application`.

POST /park says "parked" on stdout and answers after the drain has begun; POST /stuck never answers,
POST /fail fails, POST /hang keeps the event loop for ever. GET /who tells worker and process. Which
PG_HOST it is given says how its start fails: "nowhere" with a line for the user, "crash" without one.
With NUM_WORKERS it is a supervisor whose workers are this module again.
"""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from queen.errors import UserError
from queen.event_loop import loop_factory
from queen.http.connections import Connections
from queen.http.message import Request, Response
from queen.http.routes import Route, RouteTable
from queen.observe.instance import Siblings
from queen.observe.log import start_logging
from queen.observe.loop_lag import LoopLag
from queen.server import member
from queen.server.supervisor import supervise
from queen.server.worker import serve_alone
from queen.settings import Settings, load

PROGRAM = (sys.executable, "-m", "tests.server.application")


def say(line: str) -> None:
    """One line on stdout, past Python's buffer, when somebody reads it."""
    with suppress(OSError):
        os.write(1, line.encode() + b"\n")


@dataclass
class SmallApplication:
    """Some handlers and a drain."""

    worker_id: int
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    pool_demand_s: float = 0.0

    @property
    def routes(self) -> RouteTable:
        return RouteTable(
            [
                Route("GET", "/livez", self.livez),
                Route("POST", "/park", self.park),
                Route("POST", "/stuck", self.stuck),
                Route("POST", "/fail", self.fail),
                Route("POST", "/hang", self.hang),
                Route("GET", "/who", self.who),
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

    async def hang(self, _request: Request) -> Response:
        say("parked")
        threading.Event().wait()  # blocks the whole event loop, for ever
        return Response()

    async def who(self, _request: Request) -> Response:
        return Response(body=b"%d %d" % (self.worker_id, os.getpid()))


@asynccontextmanager
async def application(
    settings: Settings, _connections: Connections, _lag: LoopLag, siblings: Siblings
) -> AsyncIterator[SmallApplication]:
    if settings.pg_host == "nowhere":
        raise UserError("no database at PG_HOST=nowhere")
    if settings.pg_host == "crash":
        os._exit(3)
    yield SmallApplication(siblings.worker_id)
    say("application closed")


def main(arguments: Sequence[str]) -> int:
    settings = load(os.environ)
    try:
        if arguments:
            return member.main(arguments, application)
        start_logging(settings.log_level)
        if settings.num_workers > 1:
            with TemporaryDirectory() as directory:
                return asyncio.run(supervise(settings, PROGRAM, Path(directory)))
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(serve_alone(settings, application))
    except UserError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
