"""How long a connection is waited for: one deadline, set by what is being waited for.

nothing, the connection is idle   keep_alive_timeout_s
the rest of a head                header_timeout_s from its first byte: it may not trickle in
the rest of a body                body_timeout_s from the last byte: it may be long
the handler                       for ever: it has a deadline of its own
the client to take its answer     body_timeout_s from the last byte that left
the client to close               LINGER_S
"""

import math
from collections.abc import Callable

from queen.http.limits import Limits
from queen.http.parser import Phase

LINGER_S = 2.0


class Patience:
    """The deadline of one connection, in the seconds of `clock`."""

    __slots__ = ("_clock", "_head_begun", "_limits", "deadline_s")

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._head_begun = False
        self.deadline_s = clock() + limits.keep_alive_timeout_s

    @property
    def used_s(self) -> float:
        """When it last answered, roughly while a request arrives; infinity while one is answered."""
        return self.deadline_s - self._limits.keep_alive_timeout_s

    def await_bytes(self, phase: Phase) -> None:
        """Bytes came, or an answer left: wait for what comes next."""
        if phase is Phase.IDLE:
            self.deadline_s = self._clock() + self._limits.keep_alive_timeout_s
        elif phase is Phase.BODY:
            self.deadline_s = self._clock() + self._limits.body_timeout_s
        elif not self._head_begun:
            self._head_begun = True
            self.deadline_s = self._clock() + self._limits.header_timeout_s

    def await_handler(self) -> None:
        """A whole request is there."""
        self._head_begun = False
        self.deadline_s = math.inf

    def await_taking(self, unsent_bytes: int) -> None:
        """The client must take the answer, or, when it has, close."""
        self.deadline_s = self._clock() + (self._limits.body_timeout_s if unsent_bytes else LINGER_S)

    def hurry(self) -> None:
        """Whatever is waited for, it had better come soon."""
        self.deadline_s = min(self.deadline_s, self._clock() + LINGER_S)
