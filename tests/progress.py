"""A progress that nobody watches."""


class Told:
    """Keeps the lines that are told (`loadtests.sweep.progress.Progress`)."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def tell(self, text: str) -> None:
        self.lines.append(text)

    def at(self, *, done: int, left: int, seconds_left: float, now: str) -> None:
        pass
