"""The guide's high load: each producer pushes 100 messages every 1000 ms.

    locust -f loadtests/locustfiles/high.py --host http://127.0.0.1:6632

About 100 messages/s for each user; BATCH_SIZE and INTERVAL (ms) override the batching.
"""

from loadtests.load import web_mode
from loadtests.load.users import Consumer, FastProducer, QueueUser

__all__ = ["Consumer", "FastProducer", "QueueUser"]

web_mode.install("high")
