"""What Locust's page and the `queen load` that started it say to each other: one JSON line each way.

The page's process knows an address; its parent owns server and database. So the page asks, over a unix
socket in a directory that only this user may enter, with a token that only the two processes know.
"""

import secrets
from typing import TypeAlias

import msgspec
from msgspec import Struct

from loadtests.runs.server_facts import ServerFacts

SOCKET_VARIABLE, TOKEN_VARIABLE = "QUEEN_LOAD_SOCKET", "QUEEN_LOAD_TOKEN"
LINE_LIMIT = 64 * 1024  # bytes


class ControlError(Exception):
    """A line that cannot be understood, or is not from whom it should be. One line of text."""


class See(Struct, frozen=True, tag=True):
    """What does the database do now?"""


class ChangePool(Struct, frozen=True, tag=True):
    """Start the server anew with a pool of this size. Refused while a run is on."""

    pool: int


class RunBegan(Struct, frozen=True, tag=True):
    """A run has begun, whose files will be in this directory."""

    directory: str


class RunEnded(Struct, frozen=True, tag=True):
    """It is over and its files are written. Answered when the parent has added what it knows to them."""

    directory: str


class MakeWay(Struct, frozen=True, tag=True):
    """A run is about to begin: do nothing that it would feel. Answered when nothing of that runs any more."""


class NoRun(Struct, frozen=True, tag=True):
    """No run is on or to begin: the one that way was made for did not begin, or was on another server."""


class DatabaseView(Struct, frozen=True):
    """Client backends of the server's database by state, the active ones by wait event type."""

    active: int
    idle: int
    idle_in_transaction: int
    wait_lock: int
    wait_lwlock: int
    wait_io: int
    wait_client: int
    wait_other: int
    running: int  # active, not waiting
    rows_inserted: int | None  # cumulative, as PostgreSQL has been told


class Seen(Struct, frozen=True, tag=True):
    """Answer to `See`; `database` None: it cannot be asked at the moment."""

    url: str  # of the server that the rest is about
    pool: int  # DB_POOL_SIZE that it was started with
    most_pool: int  # the largest that the database has room for
    database: DatabaseView | None


class Changed(Struct, frozen=True, tag=True):
    """The server runs again, at the same address."""

    facts: ServerFacts


class Noted(Struct, frozen=True, tag=True):
    """Done."""


class Refused(Struct, frozen=True, tag=True):
    """Not done, and why, in one line for people."""

    text: str


Ask: TypeAlias = See | ChangePool | MakeWay | NoRun | RunBegan | RunEnded
Answer: TypeAlias = Seen | Changed | Noted | Refused


class Request(Struct, frozen=True):
    """One line to the parent."""

    token: str
    ask: Ask


def encode_request(token: str, ask: Ask) -> bytes:
    """The line, its end included."""
    return msgspec.json.encode(Request(token, ask)) + b"\n"


def read_request(line: bytes, token: str) -> Ask:
    """What is asked. Raises `ControlError` for a line that is none, and for a wrong token."""
    try:
        request = msgspec.json.decode(line, type=Request)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise ControlError("this is not a question") from None
    if not secrets.compare_digest(request.token.encode(), token.encode()):
        raise ControlError("wrong token")
    return request.ask


def encode_answer(answer: Answer) -> bytes:
    """The line, its end included."""
    return msgspec.json.encode(answer) + b"\n"


def read_answer(line: bytes) -> Answer:
    """What was answered. Raises `ControlError`."""
    try:
        answer: Answer = msgspec.json.decode(line, type=Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise ControlError("the answer cannot be understood") from None
    return answer
