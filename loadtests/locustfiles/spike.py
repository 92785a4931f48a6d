"""A base load, a peak of ten times as much, and the base again: what does the peak leave behind?

    locust -f loadtests/locustfiles/spike.py --host http://127.0.0.1:6632 --peak-rate 20000

Each of the three has a window and figures of its own; the run ends with the last.
"""

from loadtests.load import web_mode
from loadtests.load.users import Consumer, FastProducer, QueueUser

__all__ = ["Consumer", "FastProducer", "QueueUser"]

web_mode.install("spike")
