"""Ctrl-C ends a load, and tears no greenlet out of what it does.

Python raises KeyboardInterrupt wherever it happens to be, which in a busy generator is the middle of a
push: its outcome would be entered nowhere, and what it stored would be unexplained. Here the signal goes
through gevent's loop straight to the main greenlet, where Locust waits for it.
"""

import signal

import gevent


def install() -> None:
    """Handle SIGINT that way from now on; in each process of a run, after it was forked."""
    gevent.signal_handler(signal.SIGINT, _interrupt_the_main_greenlet)


def _interrupt_the_main_greenlet() -> None:
    gevent.get_hub().handle_system_error(KeyboardInterrupt, KeyboardInterrupt())
