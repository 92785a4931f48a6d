"""When the window of a planned load begins, and how long it is: longer where callers wait for the pool.

The rule is of closed loops, and of what is observed.

1. The warm-up is over when its time is and every producer has had an answer to its first push: where the
   pool is too small, some wait from the beginning until DB_CONNECTION_TIMEOUT refuses them. A window that
   began before would measure a pool that refuses nobody.
2. Where a push was refused by then, those who were refused together come back together, after the pause
   that the server asked for, and are refused together again: the refusals come in bursts, one a round
   (`Refusing.round_s`). So the window lasts a whole number of rounds, the fewest that are no shorter than
   was planned. Else it would hold one burst too many or too few, whichever way it fell.
"""

import gevent

from loadtests.load.measuring.recorder import Recorder
from loadtests.load.plan import LoadPlan

LOOK_EVERY_S = 0.01
POOL_TIMEOUT = "pool_timeout"  # the code of the answer


def warm_up(recorder: Recorder, plan: LoadPlan) -> float:
    """Return when the warm-up is over; how many seconds the window is to last."""
    gevent.sleep(plan.warmup_s)
    if plan.refusing is None:
        return plan.measure_s
    with gevent.Timeout(plan.refusing.longest_first_wait_s, False):
        while recorder.first_pushes_wait():
            gevent.sleep(LOOK_EVERY_S)
    refused = any(error.code == POOL_TIMEOUT for error in recorder.part(steps=False).errors)
    return plan.refusing.whole_rounds_s(plan.measure_s) if refused else plan.measure_s
