"""A clock for what takes one as an argument."""


class Clock:
    """Seconds that stand where the test puts them."""

    def __init__(self, now_s: float = 0.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s
