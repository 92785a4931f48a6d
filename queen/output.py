"""Output whose reader has gone (`queen report | head -1`): no complaint, and the exit code that says why.

Python ignores SIGPIPE, so what ends other tools comes as `BrokenPipeError`, from a write or only from the
interpreter's last flush. A leaf: every command line of ours goes through it.
"""

import os
import select
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

EXIT_NO_READER = 141  # 128 + SIGPIPE: what a shell says of any tool whose reader has gone


def let_go(stream: TextIO) -> None:
    """Send what a stream still holds, and gets, nowhere: its reader has gone.

    The interpreter flushes stdout and stderr at its end, and when that fails its exit code is 120.
    """
    with suppress(OSError), open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


def while_read(main: Callable[[], int]) -> int:
    """What `main` returns, or `EXIT_NO_READER` without a word when nobody reads stdout or stderr any more.

    Raises what `main` raises: another connection of ours that breaks is no reader.
    """
    try:
        try:
            code = main()
        except SystemExit:  # argparse has printed its help
            _flush()
            raise
        _flush()
        return code
    except BrokenPipeError:
        gone = [stream for stream in (sys.stdout, sys.stderr) if _has_no_reader(stream)]
        if not gone:
            raise
        for stream in gone:
            let_go(stream)
        return EXIT_NO_READER


def _flush() -> None:
    """Write what is left here, where somebody hears that nobody reads it."""
    try:
        if sys.stdout is not None:  # it was closed before we began
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError:
        pass  # a full disk, for instance: the interpreter says so at its end


def _has_no_reader(stream: TextIO | None) -> bool:
    """Whether it is a pipe or a socket of which the other end is closed."""
    if stream is None:
        return False
    try:
        poll = select.poll()
        poll.register(stream.fileno(), 0)
    except OSError:  # no file descriptor: a test's
        return False
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
