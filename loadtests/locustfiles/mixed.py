"""Producers and consumers together: two groups, some failures, some consumers that lose their lease.

    locust -f loadtests/locustfiles/mixed.py --host http://127.0.0.1:6632

At the end every message and every delivery is accounted for; exit code 3 if one is not, 1 if it is not known.
"""

from loadtests.load import web_mode
from loadtests.load.users import Consumer, FastProducer, QueueUser

__all__ = ["Consumer", "FastProducer", "QueueUser"]

web_mode.install("mixed")
