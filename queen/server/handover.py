"""Passing clients between the workers of an instance: the descriptor of a connection, in a message.

    sendmsg to DIRECTORY/N.clients → worker N goes on with the client

A message of a Unix datagram socket is there whole or not at all (unix(7)), and so is the descriptor in it
(SCM_RIGHTS); a client's bytes that nobody has read go with it. Few messages may wait to be read: more stay
with the sender, until there is room again. Those that wait belong to the worker that is to read them: if it
is stopped they wait, if it is killed they are lost to it as its own clients are.
"""

import asyncio
import logging
import os
import socket
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from queen.server.membership import Membership, cannot_make

CLIENTS = "clients"  # the kind of the sockets' names

_log = logging.getLogger("queen.server")

Receive = Callable[[socket.socket | None], None]


class Handover:
    """One worker's end of it."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership
        self._sender: socket.socket | None = None

    def send(self, worker_id: int, descriptor: int) -> bool:
        """Pass a client to another worker, without waiting; False: it is still ours alone."""
        if self._sender is None:
            return False
        path = self._membership.place(worker_id, CLIENTS)
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [descriptor]))
        try:
            self._sender.sendmsg([b"\0"], [rights], 0, str(path))  # `send_fds` takes no address
        except OSError:  # it is not there, or has not read those before
            return False
        return True

    @contextmanager
    def receiving(self, receive: Receive) -> Iterator[None]:
        """Send inside the block, and have `receive` called for each client that is passed to us.

        At its end for those that are on the way, too. For one that comes without its descriptor, since we
        cannot have any more (RLIMIT_NOFILE), it is called with None: that client is lost. Raises `UserError`.
        """
        loop = asyncio.get_running_loop()
        path = self._membership.free_place(CLIENTS)
        with _datagrams() as receiver, _datagrams() as sender:
            try:
                receiver.bind(str(path))
            except OSError as error:
                raise cannot_make(f"a socket at {path}", error) from None
            loop.add_reader(receiver, _receive_all, receiver, receive)
            self._sender = sender
            try:
                yield
            finally:
                self._sender = None
                loop.remove_reader(receiver)
                receiver.shutdown(socket.SHUT_RD)  # from here on senders keep what they have
                _receive_all(receiver, receive)
                path.unlink(missing_ok=True)


def _datagrams() -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # its least: few are to wait, whatever is allowed
    return made


def _receive_all(receiver: socket.socket, receive: Receive) -> None:
    with suppress(BlockingIOError):
        while True:
            data, descriptors, *_ = socket.recv_fds(receiver, 1, 1)
            if not data:
                return  # shut down, and nothing is left
            if not descriptors:
                _log.error("client_lost", extra={"why": "too many open files"})
                receive(None)
            for descriptor in descriptors:
                os.set_inheritable(descriptor, False)
                receive(socket.socket(fileno=descriptor))
