"""Back-pressure: a producer obeys the Retry-After of a 429 or 503, and how long it did is measured.

A hold is of the producer, not of one connection: while it lasts nothing is sent. What falls due in an
open loop meanwhile is counted as held, neither missed, which would be the generator's fault, nor sent
late, which would be a burst the moment that the server recovers.
"""

from collections import deque
from collections.abc import Callable

from loadtests.load.measuring.attempt import Attempt
from loadtests.load.measuring.recorder import Recorder

MAX_HOLD_S = 5.0  # longest Retry-After that is obeyed in full
LEAST_HOLD_S = 0.1  # a Retry-After of 0 must not make the generator spin
BUSY = (429, 503)
REMEMBERED = 100  # holds that are over, for a loop that is late


class HoldBack:
    """The holds of one producer. Answers that ask for one while it lasts prolong it.

    `on_over` is told the seconds of each hold when it is over.
    """

    def __init__(self, recorder: Recorder, on_over: Callable[[float], None]) -> None:
        self.held_until = 0.0  # perf_counter
        self._recorder = recorder
        self._on_over = on_over
        self._since: float | None = None
        self._over: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)  # (since, until), rising

    def obey(self, attempt: Attempt) -> float | None:
        """Until when (perf_counter) an answer wants nothing to be sent; None: it does not say."""
        if attempt.retry_after_s is None or attempt.outcome.status not in BUSY:
            return None
        at_s = attempt.done_at
        if at_s >= self.held_until:
            self.end(at_s)
        self._recorder.paused(at_s)
        if self._since is None:
            self._since = at_s
        hold_s = min(max(attempt.retry_after_s, LEAST_HOLD_S), MAX_HOLD_S)
        self.held_until = max(self.held_until, at_s + hold_s)
        return self.held_until

    def holds(self, due_s: float) -> bool:
        """Whether what is due then falls into a hold, to be asked with rising times.

        What was due before a hold began is none of its, however late it is asked for.
        """
        over = self._over
        while over and over[0][1] <= due_s:
            over.popleft()
        if over and over[0][0] <= due_s:
            return True
        if self._since is None:  # nearly always
            return False
        if due_s < self.held_until:
            return due_s >= self._since
        self.end(due_s)
        return False

    def end(self, now_s: float) -> None:
        """No hold lasts longer than until now; one that was over before has its own length."""
        if self._since is None:
            return
        since, self._since = self._since, None
        held_s = max(0.0, min(now_s, self.held_until) - since)
        self.held_until = min(now_s, self.held_until)
        self._over.append((since, self.held_until))
        self._recorder.resumed(since, held_s)
        self._on_over(held_s)
