"""One trial of a sweep. The plan is in the file that QUEEN_LOAD_PLAN names; use --headless."""

import os

from loadtests.load import sweep_mode
from loadtests.load.users import FastProducer, QueueUser

__all__ = ["FastProducer", "QueueUser"]

sweep_mode.install(os.environ)
