"""When a worker that has ended is started again: at once, and later and later if it ends again and again."""

STEADY_S = 10.0  # a worker that lived so long has nothing to do with the end of the one before
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 5.0


class Restarts:
    """The pauses before the restarts of one worker: 0, then doubling from the first to the longest."""

    def __init__(self) -> None:
        self._next_s = 0.0

    def pause_s(self, lived_s: float) -> float:
        """The pause after a worker that lived for `lived_s`."""
        pause_s = self._next_s if lived_s < STEADY_S else 0.0
        self._next_s = min(max(FIRST_PAUSE_S, 2 * pause_s), LONGEST_PAUSE_S)
        return pause_s
