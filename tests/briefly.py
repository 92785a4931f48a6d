"""`python -m tests.briefly load …` (or `sweep …`): `queen`, whose measuring of its generator takes a moment.

For tests of something else: a third of what a short load costs the machine is the ceiling of its generator.
All is done as always, but what is found is no figure to look at.
"""

import sys
from collections.abc import Callable

from loadtests.sweep import ceiling
from queen.__main__ import main

BRIEFLY, AS_ALWAYS = "tests.briefly", "queen"
"""Modules for `python -m`."""


def measured(setattr: Callable[[object, str, float], None] = setattr) -> None:
    """From now on ceilings of this process are."""
    setattr(ceiling, "WARMUP_S", 0.05)
    setattr(ceiling, "MEASURE_S", 0.1)


if __name__ == "__main__":
    measured()
    sys.exit(main())
