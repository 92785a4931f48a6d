"""What the user sees while a sweep runs, on stderr: a bar with the time left, or plain lines in a log."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from loadtests.results import Trial


class Progress(Protocol):
    """Where a sweep tells how far it is."""

    def tell(self, text: str) -> None:
        """One line that stays."""
        ...

    def at(self, *, done: int, left: int, seconds_left: float, now: str) -> None:
        """How far it is, and what runs now."""
        ...


class Lines:
    """For logs and pipes: every line stays, and there is no bar."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def tell(self, text: str) -> None:
        """One line."""
        print(text, file=self._stream, flush=True)

    def at(self, *, done: int, left: int, seconds_left: float, now: str) -> None:
        """Nothing: the line of each trial has its number."""


class Bar:
    """For a terminal. Made by `showing`."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as RichProgress

        self._progress = RichProgress(
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]} left"),
            TextColumn("[dim]{task.fields[now]}"),
            console=Console(file=stream, highlight=False),
            transient=True,
        )
        self._task = self._progress.add_task("", total=None, left="?", now="starting")

    def tell(self, text: str) -> None:
        """One line above the bar."""
        self._progress.console.print(text, markup=False, soft_wrap=True)

    def at(self, *, done: int, left: int, seconds_left: float, now: str) -> None:
        """Move the bar."""
        self._progress.update(
            self._task, completed=done, total=done + left, left=clock(seconds_left), now=now
        )

    def start(self) -> None:
        """Show it."""
        self._progress.start()

    def stop(self) -> None:
        """Take it away."""
        self._progress.stop()


@contextmanager
def showing(stream: TextIO = sys.stderr) -> Iterator[Progress]:
    """A bar while the block runs, when the stream is a terminal; else plain lines."""
    if not stream.isatty():
        yield Lines(stream)
        return
    bar = Bar(stream)
    bar.start()
    try:
        yield bar
    finally:
        bar.stop()


def clock(seconds: float) -> str:
    """`4:05`."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes}:{rest:02d}"


def trial_line(trial: Trial, number: int, of: int) -> str:
    """One finished trial: what it was, what came out, and what there is to say against it."""
    load = trial.load
    count = f"[{number:{len(str(of))}d}/{of}]"
    name = trial.trial_id.partition("-")[2]
    words = [f"{count} {name:38s} {load.throughput_msg_s:9,.0f} msg/s"]
    if load.service is not None:
        words.append(f"p99 {load.service.p99_ms:7.1f} ms")
    failed = sum(error.requests for error in load.errors)
    if failed:
        words.append(f"{failed} failed")
    words += [f"{'INVALID' if remark.fatal else 'note'}: {remark.detail}" for remark in trial.remarks]
    return "  ".join(words)
