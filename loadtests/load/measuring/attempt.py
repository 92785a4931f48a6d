"""One push as its producer saw it: what it came to, and when."""

from msgspec import Struct

from loadtests.load.measuring.outcome import PushOutcome, no_answer

_CUT_OFF = no_answer("the run ended before the answer")


class Attempt(Struct, frozen=True):
    """One push that came to an end, with or without an answer. Times are seconds of `perf_counter`."""

    outcome: PushOutcome
    begun_at: float  # the producer turned to it; until the socket write a connection may have to be opened
    sent_at: float  # just before the socket write; not sent: when that was given up
    done_at: float
    answer_bytes: int = 0
    retry_after_s: float | None = None


def cut_off(begun_at: float, at_s: float) -> Attempt:
    """A push that was under way when the run ended: nobody knows what became of it."""
    return Attempt(_CUT_OFF, begun_at, begun_at, at_s)
