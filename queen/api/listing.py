"""What lists have in common: which page, which window of time, which queues; and what they say about it."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct

from queen.api.query import Instant, Number, Query, Text
from queen.core.reading import Page, Scope, Window

_NO_SECONDS = re.compile(r"[T ]\d\d(:?\d\d)?(?![:\d])")  # hours, perhaps minutes

QUEUE = Text("queue", "only this queue")
PARTITION = Text("partition", "only partitions of this name")
NAMESPACE = Text("namespace", "only queues of this namespace")
TASK = Text("task", "only queues of this task")


class Pagination(Struct):
    """The page that was given, and how long the whole list is."""

    limit: int
    offset: int
    total: int


class Paging(NamedTuple):
    """The two parameters of a page; out of bounds they are clamped."""

    limit: Number
    offset: Number

    @classmethod
    def of(cls, default: int, most: int, furthest: int = 2**31 - 1) -> "Paging":
        """Limits up to `most`, offsets up to `furthest`."""
        bounded = "" if furthest == 2**31 - 1 else f", {furthest} at most: narrow the filters instead"
        return cls(
            Number("limit", "items at most", default=default, least=1, most=most),
            Number("offset", f"items to skip{bounded}", default=0, least=0, most=furthest),
        )

    def read(self, query: Query) -> Page:
        """The page asked for."""
        return Page(self.limit.read(query), self.offset.read(query))


@dataclass(frozen=True, slots=True)
class Until(Instant):
    """The end of a window, still inside it: without seconds it is the whole minute."""

    def read(self, query: Query) -> datetime | None:
        """The last instant that is inside. Raises `BadRequest` for what is no time."""
        until = Instant.read(self, query)
        if until is not None and _NO_SECONDS.search(query[self.name]):
            until = until.replace(second=59, microsecond=999_999)
        return until


class Between(NamedTuple):
    """The two parameters of a window."""

    since: Instant
    until: Until

    @classmethod
    def of(cls, what: str, default: str) -> "Between":
        """A window of the time when `what` happened; `default` says what is meant without."""
        return cls(
            Instant("from", f"{what} then or later; {default}"),
            Until("to", f"{what} then or earlier; without seconds: within that minute"),
        )

    def read(self, query: Query) -> Window:
        """The window asked for."""
        return Window(self.since.read(query), self.until.read(query))


def scope_of(query: Query, queue: Text | None = None) -> Scope:
    """The queues that `NAMESPACE`, `TASK` and perhaps `queue` leave."""
    return Scope(
        queue=queue.read(query) or None if queue else None,
        namespace=NAMESPACE.read(query) or None,
        task=TASK.read(query) or None,
    )
