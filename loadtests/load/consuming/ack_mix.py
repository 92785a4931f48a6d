"""What a consumer does with a batch: how long it thinks, and whether it acknowledges or gives up. Pure."""

import random

from msgspec import Struct

from loadtests.load.plan import Consuming
from loadtests.load.producing.distribution import parse_distribution


class Intention(Struct, frozen=True):
    """What will be done with one batch.

    `failing` is the place of the message that fails, from 0: those before it are acknowledged, it and all
    behind it in its partition are given up, with `status`. None: all are acknowledged.
    """

    think_s: float
    slow: bool = False  # hold the batch until its lease is over
    failing: int | None = None
    status: str = "completed"


class AckMix:
    """Draws intentions by the plan's shares, the same ones for the same seed.

    Raises ValueError for think times that cannot be.
    """

    def __init__(self, consuming: Consuming, seed: str) -> None:
        self._consuming = consuming
        self._think_ms = parse_distribution(consuming.think_ms)
        self._randomness = random.Random(seed)

    def intend(self, messages: int) -> Intention:
        """What to do with a batch of so many messages."""
        consuming, dice = self._consuming, self._randomness
        think_s = self._think_ms.draw(dice) / 1000
        kind = dice.random()
        for share, status in ((consuming.nack_share, "failed"), (consuming.retry_share, "retry")):
            if kind < share:
                return Intention(think_s, failing=dice.randrange(messages), status=status)
            kind -= share
        return Intention(think_s, slow=kind < consuming.slow_share)
