"""A request as the handlers see it, and a response as they give it. No queues, no sockets in here."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol, TypeAlias

import msgspec

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


class Client(Protocol):
    """The other end of the connection, as far as a handler may care."""

    @property
    def gone(self) -> bool:
        """Whether the client has closed the connection."""
        ...

    def on_gone(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` once when the client goes away; returns a function that takes this back."""
        ...


class Request(msgspec.Struct):
    """One complete request: framing and limits have been checked, the body is whole."""

    method: str
    path: str  # percent-encoded, as it came, without the query
    params: tuple[str, ...]  # path parameters of the route, decoded
    query: Mapping[str, str]  # decoded; the last of a repeated name wins
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    client: Client


class Response(msgspec.Struct, frozen=True):
    """Status, body and the headers that are not the framing's own. 204 and 304 carry no body."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


class Awaited(Protocol):
    """What an answer waits for: a future, or what behaves as one as far as this goes."""

    def add_done_callback(self, callback: Callable[[Any], object], /) -> None:
        """Call back, with this itself, once it is done or cancelled."""
        ...

    def cancel(self) -> object:
        """The answer is wanted no more."""
        ...


class Later(msgspec.Struct, frozen=True):
    """A response that is made when something else is done, without a task that waits for it.

    `finish` is called once, when `awaited` is done, and may answer or raise whatever a handler may; where
    that was cancelled, it raises `CancelledError`.
    """

    awaited: Awaited
    finish: Callable[[], "Answer"]


# What a handler gives: a coroutine runs as a task, which costs more than most requests do otherwise.
Answer: TypeAlias = Response | Later | Coroutine[Any, Any, Response]
Handler = Callable[[Request], Answer]
