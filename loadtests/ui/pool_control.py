"""Another pool between two runs: the page asks, the parent that owns the server starts it anew."""

import os
from collections.abc import Callable, MutableMapping
from http import HTTPStatus

from msgspec import Struct

from loadtests.runs.control import Changed, ChangePool, ControlError, Refused
from loadtests.runs.server_facts import renew
from loadtests.ui.parent import Parent

RESTART_TIMEOUT_S = 120.0  # the server drains, then starts; and once more if it does not come up
READ_ONLY = "read-only: only a server that `queen load` has started can be given another pool from here"
RUN_ON = "a run is on: stop it first"
RESTARTING = "the server is being started anew"


class Outcome(Struct, frozen=True):
    """What became of it, for people; `status` is that of HTTP."""

    status: HTTPStatus
    text: str


class PoolControl:
    """Changes the pool of the parent's server. `run_on` says whether a run is on."""

    def __init__(
        self,
        parent: Parent | None,
        run_on: Callable[[], bool],
        environ: MutableMapping[str, str] = os.environ,
    ) -> None:
        self.restarting = False
        self._parent = parent
        self._run_on = run_on
        self._environ = environ

    def change(self, asked: str) -> Outcome:
        """Give the server a pool of `asked` connections; waits until it runs again.

        The next run is recorded with the server's facts as they are then.
        """
        if self._parent is None:
            return Outcome(HTTPStatus.FORBIDDEN, READ_ONLY)
        if not (asked.isascii() and asked.isdigit() and len(asked) < 10):
            return Outcome(HTTPStatus.BAD_REQUEST, "pool: expected a whole number of connections")
        if self.restarting or self._run_on():
            return Outcome(HTTPStatus.CONFLICT, RESTARTING if self.restarting else RUN_ON)
        self.restarting = True
        try:
            answer = self._parent.ask(ChangePool(int(asked)), RESTART_TIMEOUT_S)
        except ControlError as error:
            return Outcome(HTTPStatus.BAD_GATEWAY, str(error))
        finally:
            self.restarting = False
        if isinstance(answer, Changed):
            renew(self._environ, answer.facts)
            return Outcome(HTTPStatus.OK, f"the server runs with a pool of {answer.facts.pool}")
        reason = answer.text if isinstance(answer, Refused) else "the answer is to another question"
        return Outcome(HTTPStatus.CONFLICT, reason)
