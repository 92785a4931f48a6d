"""The end of a run, which its process waits for.

Locust ends a run in one greenlet, and its process in another when a signal comes: that one finds the run
stopped already and would leave while its files are being written.
"""

import logging

from gevent.event import Event

from loadtests.load import interrupts

PATIENCE_S = 600.0  # with an end of a run that does not come to its own: a server that answers slowly

logger = logging.getLogger(__name__)


class Closing:
    """How far the end of the run is: `begin`, then `recorded` when its files are whole, then `over`."""

    def __init__(self) -> None:
        self._recorded = Event()
        self._over = Event()
        self.over()

    @property
    def is_on(self) -> bool:
        """Whether a run is coming to its end."""
        return not self._over.is_set()

    def begin(self) -> None:
        """The run stops. May be called again."""
        if not self.is_on:
            self._recorded.clear()
            self._over.clear()

    def recorded(self) -> None:
        """Its files are whole; what may follow is the check of its messages."""
        self._recorded.set()

    def over(self) -> None:
        """Nothing of it is left to do."""
        self._recorded.set()
        self._over.set()

    def wait(self) -> None:
        """Return when no run is coming to its end."""
        self._over.wait(PATIENCE_S)

    def hasten(self) -> None:
        """Leave out the check of the messages: end the process as soon as the files are whole."""
        if not self.is_on:
            return  # it ends by itself
        logger.warning("interrupted again: the run is written, its messages are not checked")
        self._recorded.wait(PATIENCE_S)
        if self.is_on:
            interrupts.leave()
