"""The limit of open files: a connection is one, and accepting fails again and again when none is left."""

import logging
import resource
import sys

_log = logging.getLogger("queen.server")

RESERVE = 64  # log, listening sockets, event loop, and what libraries open for a moment


def sockets_possible() -> int:
    """How many there is room for as the limit stands."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else max(soft - RESERVE, 1)


def raise_file_limit(connections: int) -> int:
    """Make room for so many sockets as far as the hard limit allows; returns the soft limit, in files.

    A hard limit that is too low is logged: the connections beyond it will not be accepted.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + RESERVE
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    possible = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (possible, hard))
    if possible < wanted:
        _log.warning("file_limit_low", extra={"files": possible, "wanted": wanted})
    return possible
