"""A steady load for a long time, of which half of the users consume: what grows, leaks or ages?

locust -f loadtests/locustfiles/soak.py --host http://127.0.0.1:6632 --headless -u 20 -r 20 --run-time 8h
"""

from loadtests.load import web_mode
from loadtests.load.users import Consumer, FastProducer, QueueUser

__all__ = ["Consumer", "FastProducer", "QueueUser"]

web_mode.install("soak")
