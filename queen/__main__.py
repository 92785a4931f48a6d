"""The `queen` console script, which is the same as `python -m queen`.

A Ctrl-C while it still imports what it needs ends it as any other does.
"""

import sys

EXIT_INTERRUPTED = 130  # as in queen.cli, which may be what is still to be imported


def main() -> int:
    """Run the command line; returns the exit code."""
    try:
        from queen import cli

        return cli.main()
    except KeyboardInterrupt:
        print("queen: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
