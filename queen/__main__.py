"""`python -m queen` is the same as the `queen` console script."""

import sys

from queen.cli import main

if __name__ == "__main__":
    sys.exit(main())
