"""The page's end of the socket to the `queen load` that started it (`loadtests.runs.control`)."""

import os
import socket
from collections.abc import Mapping

from loadtests.runs.control import (
    LINE_LIMIT,
    SOCKET_VARIABLE,
    TOKEN_VARIABLE,
    Answer,
    Ask,
    ControlError,
    encode_request,
    read_answer,
)


class Parent:
    """Asks the parent, over a connection for each question: any greenlet may, at any time."""

    def __init__(self, path: str, token: str) -> None:
        self._path = path
        self._token = token

    def ask(self, ask: Ask, timeout_s: float) -> Answer:
        """Its answer. Raises `ControlError` when there is none within `timeout_s` of silence."""
        try:
            with socket.socket(socket.AF_UNIX) as opened:
                opened.settimeout(timeout_s)
                opened.connect(self._path)
                opened.sendall(encode_request(self._token, ask))
                line = _read_line(opened)
        except OSError as error:
            raise ControlError(f"queen load does not answer: {error}") from None
        return read_answer(line)


def parent_of(environ: Mapping[str, str]) -> Parent | None:
    """The parent that an environment names; None: this Locust was started by itself."""
    path, token = environ.get(SOCKET_VARIABLE), environ.get(TOKEN_VARIABLE)
    return Parent(path, token) if path and token else None


def own_parent() -> Parent | None:
    """The parent of this process."""
    return parent_of(os.environ)


def _read_line(opened: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"\n") and len(received) <= LINE_LIMIT:
        more = opened.recv(LINE_LIMIT)
        if not more:
            break
        received += more
    return received
