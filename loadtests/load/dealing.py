"""Locust's dealing of users out to the workers of a master, which must not outlive the run.

A master deals in whatever greenlet has called its `start`. Locust's stop button ends the greenlet of the
last start from the page; its run time, and whatever else stops a run, leaves the dealing alone: users of a
run that is over appear on the workers, and when all are there the master says that it runs.
"""

import gevent
from locust.runners import MasterRunner

LOOK_S = 0.05
SENT_S = 0.05  # what it gave Locust to be sent at once is, and read before an order to stop comes behind it


class Dealing:
    """Ends a master's dealing. To be made before the first start.

    It follows the dispatcher, whose class is a documented parameter of Locust's `Environment`.
    """

    def __init__(self, runner: MasterRunner) -> None:
        self._runner = runner
        self._dealer: gevent.Greenlet | None = None  # of the latest start
        dealing, given = self, runner.environment.dispatcher_class

        class Noting(given):  # type: ignore[misc, valid-type]  # whichever was chosen
            def new_dispatch(
                self, target_user_count: int, spawn_rate: float, user_classes: list[type] | None = None
            ) -> None:
                dealing._dealer = gevent.getcurrent()
                super().new_dispatch(target_user_count, spawn_rate, user_classes)

        runner.environment.dispatcher_class = Noting

    def end(self) -> None:
        """Nobody is dealt out any more when it returns.

        A greenlet of the runner's own, which deals anew when a worker has come or gone, hears the workers as
        well and is not ended: it is waited for.
        """
        dealer = self._dealer
        if dealer is None or dealer.dead or self._runner.spawning_completed or dealer is gevent.getcurrent():
            return
        if dealer not in self._runner.greenlet:
            dealer.kill()
            gevent.sleep(SENT_S)
            return
        while not (dealer.dead or self._runner.spawning_completed):
            gevent.sleep(LOOK_S)
