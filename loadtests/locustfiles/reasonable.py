"""The guide's reasonable load: each producer pushes 10 messages every 100 ms.

    locust -f loadtests/locustfiles/reasonable.py --host http://127.0.0.1:6632

About 100 messages/s for each user; BATCH_SIZE and INTERVAL (ms) override the batching.
"""

from loadtests.load import web_mode
from loadtests.load.users import Consumer, FastProducer, QueueUser

__all__ = ["Consumer", "FastProducer", "QueueUser"]

web_mode.install("reasonable")
