"""Ctrl-C ends a load, and tears no greenlet out of what it does.

Python raises KeyboardInterrupt wherever it happens to be, which in a busy generator is the middle of a
push: its outcome would be entered nowhere, and what it stored would be unexplained. Here the signal goes
through gevent's loop straight to the main greenlet, where Locust waits for it. Once Locust ends it waits for
it no more: a further Ctrl-C goes to whoever can hasten the end.
"""

import signal
from collections.abc import Callable

import gevent

from queen.cli import EXIT_INTERRUPTED


def install(is_ending: Callable[[], bool], again: Callable[[], None]) -> None:
    """Handle SIGINT that way from now on; in each process of a run, after it was forked.

    `again` is called, in a greenlet of its own, at each SIGINT that comes while `is_ending`.
    """
    gevent.signal_handler(signal.SIGINT, _interrupt, is_ending, again)


def leave() -> None:
    """End the process at once from whatever greenlet, with the exit code of an interrupted one."""
    gevent.get_hub().handle_system_error(SystemExit, SystemExit(EXIT_INTERRUPTED))


def _interrupt(is_ending: Callable[[], bool], again: Callable[[], None]) -> None:
    if is_ending():
        again()
    else:
        gevent.get_hub().handle_system_error(KeyboardInterrupt, KeyboardInterrupt())
