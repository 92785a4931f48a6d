"""Python's garbage collector, for a process that makes many short-lived objects and hardly any cycles.

Each request makes some dozens of objects that reference counting frees. With CPython's own thresholds the
youngest generation is collected every 700 of them, and with many requests in flight each collection goes
through what is alive anyway: about a sixth of the server's CPU time (docs/performance.md). Cycles do come up,
in tracebacks, so the collector is not switched off.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNGEST = 25_000  # objects more than at the last collection


@contextmanager
def calm() -> Iterator[None]:
    """Inside the block leave out of all collections what is alive at its start, and collect less often."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNGEST, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
