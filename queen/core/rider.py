"""A rider: one call that shares a flight with others, and what it comes to.

It is waited for as a future is, by `await` or with a callback, and may be cancelled. But its callback runs as
soon as it is told, in whatever tells it: a flight tells all of its riders in one callback of the event loop
instead of one for each.
"""

import asyncio
import logging
from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar, cast

from msgspec import Struct

from queen.core.deadline import Deadline

_log = logging.getLogger("queen.store")

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Rider(Struct, Generic[Asked, Answer], eq=False):
    """One call on its way. Instants are of `time.monotonic`."""

    asked: Asked
    weight: int
    deadline: Deadline
    asked_s: float
    boards_by_s: float
    done: bool = False  # it was told, or cancelled
    outcome: Answer | BaseException | None = None
    callback: "Callable[[Rider[Asked, Answer]], object] | None" = None

    def tell(self, outcome: Answer | BaseException) -> None:
        """End its wait; one that was cancelled meanwhile is not told. What its callback raises is its own."""
        if self.done:
            return
        self.done = True
        self.outcome = outcome
        callback, self.callback = self.callback, None
        if callback is not None:
            try:
                callback(self)
            except Exception as error:  # noqa: BLE001 - its fellows are told all the same
                _log.error("rider_failed", exc_info=error)

    def cancel(self) -> None:
        """Nobody waits any more. In the line it is left behind; what is in the air is done all the same."""
        self.tell(asyncio.CancelledError())

    def result(self) -> Answer:
        """What the call came to. Raises its failure, and `CancelledError`; it must be done."""
        outcome = self.outcome
        if isinstance(outcome, BaseException):
            raise outcome.with_traceback(None)  # others may share it
        return cast(Answer, outcome)

    def add_done_callback(self, callback: "Callable[[Rider[Asked, Answer]], object]", /) -> None:
        """Call back once it is done, at once if it is. There is one callback at most."""
        assert self.callback is None
        if self.done:
            callback(self)
        else:
            self.callback = callback

    def __await__(self) -> Generator[Any, None, Answer]:
        if not self.done:
            told = asyncio.Event()
            self.add_done_callback(lambda _: told.set())
            try:
                yield from told.wait().__await__()
            except asyncio.CancelledError:
                self.cancel()
                raise
        return self.result()
