"""`python -m tests.commands.briefly load …`: `queen`, which measures the generator's ceiling in a moment.

For tests of something else: nearly half of what a short load costs the machine is its ceiling. All is done as
always, but what is found is no figure to look at.
"""

import sys

from loadtests.sweep import ceiling
from queen.__main__ import main

if __name__ == "__main__":
    ceiling.WARMUP_S, ceiling.MEASURE_S = 0.05, 0.1
    sys.exit(main())
