"""Finds the highest rate that meets an objective: p99 of 50 ms and no failed push, if nothing else is said.

    locust -f loadtests/locustfiles/saturation.py --host http://127.0.0.1:6632 --headless -u 10 -r 10

Bracketing, then bisection; every step has a window and a verdict of its own, and the run ends when the rate
is found and confirmed.
"""

from loadtests.load import web_mode
from loadtests.load.users import Consumer, FastProducer, QueueUser

__all__ = ["Consumer", "FastProducer", "QueueUser"]

web_mode.install("saturation")
