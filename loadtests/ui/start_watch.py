"""What becomes of a start that Locust has said yes to: when it is over a run is on, or none comes.

Locust says "Swarming started" before it starts anything. Then the last worker may turn out to be gone, the
shape to have nothing to do, or the start to fail: no test begins, and nobody is told of it.
"""

from collections.abc import Callable
from typing import Any

import gevent
from locust.env import Environment
from locust.runners import LocalRunner


class StartWatch:
    """Calls `is_over` when the latest start that was let through is over, whatever came of it."""

    def __init__(self, environment: Environment, is_over: Callable[[], None]) -> None:
        self._environment = environment
        self._is_over = is_over
        self._watching: gevent.Greenlet | None = None

    def let_through(self) -> None:
        """Locust has just said that it starts."""
        self.forget()
        start = self._start()
        if start is not None:
            self._watching = gevent.spawn(self._watch, start)

    def forget(self) -> None:
        """What becomes of it is known, or another start takes its place."""
        watching, self._watching = self._watching, None
        if watching is not None:
            watching.kill(block=False)

    def _watch(self, start: gevent.Greenlet) -> None:
        start.join()
        runner = self._environment.runner
        if isinstance(runner, LocalRunner) and runner.spawning_greenlet is not None:
            runner.spawning_greenlet.join()  # in which it does what a master does in the first
        self._watching = None
        self._is_over()

    def _start(self) -> gevent.Greenlet | None:
        """The greenlet that Locust starts in; None: this version of it has another way."""
        environment: Any = self._environment
        if environment.shape_class is not None and environment.runner is not None:
            return environment.runner.shape_greenlet
        return getattr(environment.web_ui, "_swarm_greenlet", None)
