"""Listening sockets: bound before anything else starts, so that a taken port is one clear line.

The workers of an instance bind the same port, each for itself (SO_REUSEPORT, socket(7)): the kernel
spreads new connections over them. Their supervisor holds a place among them without ever listening.
"""

import errno
import os
import socket
import sys
from collections.abc import Sequence

from queen.errors import UserError
from queen.output import let_go


def bind(host: str, port: int, *, joining: bool = False) -> list[socket.socket]:
    """Bind, without listening yet, one socket for each address of `host`.

    Port 0 is any free port, the same for every address. `joining`: others of our instance have the port,
    too. Raises `UserError` when the host is unknown or the port cannot be had.
    """
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise UserError(f"HOST={host}: {error.strerror}") from None
    sockets: list[socket.socket] = []
    try:
        for family, _, _, _, address in dict.fromkeys(found):
            free_port = port_of(sockets) if sockets else port
            sockets.append(_bind_one(family, (address[0], free_port, *address[2:]), joining))
    except OSError as error:
        for each in sockets:
            each.close()
        raise UserError(_why(error, host, port)) from None
    return sockets


def reserve(host: str, port: int) -> list[socket.socket]:
    """Bind for an instance of several workers: they may join, nobody else gets the port.

    Bound like any other first: with SO_REUSEPORT from the beginning we would join a foreign instance
    unnoticed. Raises `UserError` as `bind`.
    """
    sockets = bind(host, port)
    for each in sockets:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    return sockets


def port_of(sockets: Sequence[socket.socket]) -> int:
    """The port of all of them."""
    port: int = sockets[0].getsockname()[1]
    return port


def announce(sockets: Sequence[socket.socket]) -> None:
    """Tell on stdout whoever started the server that it is ready; nobody may be listening any more."""
    try:
        # Line and end in one write: where stdout is not buffered, a log line could come between the two.
        sys.stdout.write(f"listening on {url_of(sockets)}\n")
        sys.stdout.flush()
    except OSError:
        let_go(sys.stdout)


def url_of(sockets: Sequence[socket.socket]) -> str:
    """`http://127.0.0.1:6632`: where the first socket really listens."""
    host, port = sockets[0].getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _bind_one(family: int, address: tuple[str | int, ...], joining: bool) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if joining:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.setblocking(False)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def _why(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"PORT={port}: address already in use on {host}; stop the other server or set another PORT"
    return f"HOST={host} PORT={port}: {os.strerror(error.errno or 0).lower()}"
