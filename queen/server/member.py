"""A worker that is one of several: started by the supervisor, tied to it, known by a number.

usage: python -m queen.server.member WORKER_ID WORKERS TETHER DIRECTORY
TETHER is the inherited file descriptor of `queen.server.tether`, DIRECTORY the place of the sockets by
which the workers tell each other their figures and pass each other clients. The settings come as
environment variables; of the instance's pool this worker has been given its share. It ends with the exit
code of its drain, and says on the tether, not on stderr, why it cannot start: several would say the same.
"""

import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from queen.errors import UserError
from queen.event_loop import loop_factory
from queen.observe.log import start_logging
from queen.server.file_limit import raise_file_limit
from queen.server.listening import bind
from queen.server.membership import Membership
from queen.server.siblings import NeighbourSockets
from queen.server.stop import Stop, call_on_signals
from queen.server.tether import Report, Tether
from queen.server.worker import ApplicationFactory, serve
from queen.settings import Settings, load

EXIT_CANNOT_START = 1
MODULE = "queen.server.member"


def main(arguments: Sequence[str], application: ApplicationFactory) -> int:
    """Serve until the supervisor says so, or is gone; returns the exit code."""
    worker_id, workers, tether, directory = arguments
    membership = Membership(int(worker_id), int(workers), Path(directory))
    settings = load(os.environ)
    start_logging(settings.log_level, worker_id=membership.worker_id)
    raise_file_limit(settings.max_clients + settings.db_pool_size)
    with socket.socket(fileno=int(tether)) as end, asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_serve(settings, application, membership, end))


async def _serve(
    settings: Settings, application: ApplicationFactory, membership: Membership, end: socket.socket
) -> int:
    stop = Stop()
    call_on_signals(stop.ask_to_drain)
    tether = Tether(end, stop)
    siblings = NeighbourSockets(membership)
    try:
        sockets = bind(settings.host, settings.port, joining=True)
        return await serve(
            settings,
            application,
            sockets,
            stop,
            siblings,
            ready=lambda: tether.report(Report()),
            membership=membership,
        )
    except UserError as error:
        tether.report(Report(failure=str(error)))
        return EXIT_CANNOT_START
    finally:
        if tether.orphaned:
            siblings.remove_directory()


if __name__ == "__main__":
    from queen.api.app import application

    sys.exit(main(sys.argv[1:], application))
