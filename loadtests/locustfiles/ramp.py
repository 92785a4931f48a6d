"""A rate that rises in even steps: 100 to 1,000 messages/s in ten steps of 10 s, if nothing else is said.

    locust -f loadtests/locustfiles/ramp.py --host http://127.0.0.1:6632 --to-rate 5000

Each step has a window and figures of its own; the run ends with the last.
"""

from loadtests.load import web_mode
from loadtests.load.users import Consumer, FastProducer, QueueUser

__all__ = ["Consumer", "FastProducer", "QueueUser"]

web_mode.install("ramp")
