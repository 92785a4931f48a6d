"""Locust's own master, without a process: it listens, and has such workers as the test says."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from locust.env import Environment
from locust.runners import STATE_INIT, MasterRunner, WorkerNode

from tests.locustfiles.support import free_port


@contextmanager
def real_master(*workers: str, **given: Any) -> Iterator[MasterRunner]:
    """A master with workers of these names, which are ready and say nothing; `given` is its environment."""
    runner = Environment(**given).create_master_runner("127.0.0.1", free_port())
    assert isinstance(runner, MasterRunner)
    for name in workers:
        runner.clients[name] = WorkerNode(name, state=STATE_INIT)
    try:
        yield runner
    finally:
        runner.greenlet.kill()
        runner.server.close(linger=0)
        runner.server.socket.context.term()
