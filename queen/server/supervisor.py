"""NUM_WORKERS > 1: one process that serves nothing itself and keeps that many workers on one port.

    reserve the port → execute the workers, each with its own listening socket and its share of the pool
         → all are ready: "listening on …" on stdout → a worker that ends is replaced
         → SIGTERM or SIGINT: handed to the workers, which drain as they would alone
         → a second signal: handed on, they cut off what still runs → exit code

A worker that cannot start the first time ends the command with its one line. If the supervisor is
killed, the workers find the end of file on their tethers and drain. Exit code 0: every worker answered
everything; 1: something was cut off.
"""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from queen.errors import UserError
from queen.observe.log import start_logging
from queen.server import member
from queen.server.listening import announce, port_of, reserve
from queen.server.membership import Membership
from queen.server.post import Post
from queen.server.stop import Stop, call_on_signals
from queen.server.worker_process import WorkerProcess
from queen.settings import Settings

PROGRAM = (sys.executable, "-P", "-m", member.MODULE)  # -P: the working directory holds no code of ours
CLOSING_S = 5.0  # beyond the grace of the drain and that of the pool's closing: a worker hangs


def run(settings: Settings, directory: Path) -> int:
    """Serve the queue with NUM_WORKERS processes until a signal; returns the exit code.

    `directory`: the caller's, for what the workers share and nothing else. If we are killed, the last of them
    removes it. Raises `UserError` when the port cannot be had or a worker cannot start.
    """
    start_logging(settings.log_level)
    return asyncio.run(supervise(settings, PROGRAM, directory))


async def supervise(settings: Settings, program: Sequence[str], directory: Path) -> int:
    """The same with workers that execute `program`, on the running loop.

    It must be asyncio's own: libuv clears the mask of held signals when it starts a process.
    """
    with ExitStack() as stack:
        sockets = [stack.enter_context(each) for each in reserve(settings.host, settings.port)]
        stop = Stop()
        posts = _posts(replace(settings, port=port_of(sockets)), program, directory, stop)

        def hand_on() -> None:
            stop.ask()
            for post in posts:
                post.signal()

        call_on_signals(hand_on)
        failure = await _fill(posts)
        if failure is None:
            announce(sockets)
        else:
            hand_on()
        exit_code = await _keep(posts, stop, limit_s=2 * settings.shutdown_grace / 1000 + CLOSING_S)
        if failure is not None:
            raise failure
        return exit_code


def shares(settings: Settings) -> list[Settings]:
    """The workers' settings: DB_POOL_SIZE is the instance's; what does not divide goes to the first ones."""
    workers = settings.num_workers
    each, rest = divmod(settings.db_pool_size, workers)
    return [
        replace(settings, num_workers=1, db_pool_size=each + (worker_id < rest))
        for worker_id in range(workers)
    ]


def _posts(settings: Settings, program: Sequence[str], directory: Path, stop: Stop) -> list[Post]:
    posts = []
    for worker_id, share in enumerate(shares(settings)):
        membership = Membership(worker_id, settings.num_workers, directory)
        start = partial(WorkerProcess.start, program, membership, share.environ())
        posts.append(Post(worker_id, start, stop))
    return posts


async def _fill(posts: Sequence[Post]) -> UserError | None:
    """Start a worker on every post; returns the first one's failure once all are ready or have failed."""
    outcomes = await asyncio.gather(*(post.fill() for post in posts), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, UserError):
            return outcome
        if outcome is not None:
            raise outcome
    return None


async def _keep(posts: Sequence[Post], stop: Stop, limit_s: float) -> int:
    """Keep every post until the stop, and `limit_s` longer at most; returns the exit code."""
    async with asyncio.TaskGroup() as group:
        keepers = [group.create_task(post.keep()) for post in posts]
        limit = group.create_task(_kill_what_hangs(posts, stop, limit_s))
        await asyncio.wait(keepers)
        limit.cancel()
    return 0 if all(keeper.result() == 0 for keeper in keepers) else 1


async def _kill_what_hangs(posts: Sequence[Post], stop: Stop, limit_s: float) -> None:
    await stop.first.wait()
    await asyncio.sleep(limit_s)
    for post in posts:
        post.kill()
