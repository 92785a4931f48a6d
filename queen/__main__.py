"""The `queen` console script, which is the same as `python -m queen`.

A Ctrl-C while it still imports what it needs ends it as any other does, and so does a pipe that nobody reads.
"""

import sys

from queen.output import while_read

EXIT_INTERRUPTED = 130  # as in queen.cli, which may be what is still to be imported


def main() -> int:
    """Run the command line; returns the exit code."""
    return while_read(_run)


def _run() -> int:
    try:
        from queen import cli

        return cli.main()
    except KeyboardInterrupt:
        print("queen: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
