"""Would Locust begin with these words? Says so, and starts nothing: for whoever must know beforehand.

    python -m loadtests.load.dry_run SHAPE COUNT WORD…

The first COUNT words are those of `queen load`, the others were handed on by its user. Ends with 0 and the
seconds that the load lasts (no line: nobody knows), or with 2 and one line that says what is wrong.
"""

import argparse
import io
import re
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout

from locust import events
from locust.argument_parser import LocustArgumentParser, default_args_dict, get_parser

from loadtests.load.bounds import MOST_NUMBER, option_name
from loadtests.load.options import OptionError, add_arguments, check_start, make_course, read_options
from queen.cli import EXIT_USAGE

FREE = frozenset(  # Locust's own options that may be handed on: the others would undo what `queen load` does
    {
        "autoquit",
        "autostart",
        "csv_prefix",
        "enable_rebalancing",
        "exit_code_on_error",
        "expect_workers_max_wait",
        "html_file",
        "json_file",
        "loglevel",
        "num_users",
        "only_summary",
        "print_stats",
        "profile",
        "reset_stats",
        "run_time",
        "spawn_rate",
        "stats_history_enabled",
        "stop_timeout",
    }
)
NAMES = {"host": "--host (-H)", "list_commands": "--list", "user_classes": "a name of a user class"}
OPTION = re.compile(r"--[a-z][a-z0-9-]*")


def length_s(shape: str, ours: Sequence[str], handed_on: Sequence[str]) -> float | None:
    """Seconds that a load with these words lasts; None: that is not known.

    Reads the environment and Locust's configuration files, as Locust will. Raises `OptionError`, one line,
    when none begins with them.
    """
    events.init_command_line_parser.add_listener(lambda parser, **_: add_arguments(parser, shape))
    parser = get_parser()
    try:
        found = _parse(parser, [*ours, *handed_on])
        asked = _parse(get_parser(default_config_files=[]), ours)
        _expect_unchanged(asked, found)
        check_start(found, shape)
    except OptionError as error:
        raise OptionError(f"{error}{_source(parser, str(error))}") from None
    course = make_course(read_options(found))
    lengths_s = (found.run_time, course.length_s() if course is not None else None)
    return min((float(length) for length in lengths_s if length is not None), default=None)


def _parse(parser: LocustArgumentParser, words: Sequence[str]) -> argparse.Namespace:
    said = io.StringIO()
    try:
        with redirect_stderr(said), redirect_stdout(io.StringIO()):
            found = parser.parse_args(list(words))
    except SystemExit as end:
        if not end.code:  # --help, --version
            raise OptionError("--help and --version behind --: they start no load") from None
        reason = said.getvalue().partition("error: ")[2] or said.getvalue()
        raise OptionError(" ".join(reason.removeprefix("argument ").split())) from None
    except OverflowError:  # of a time with too many digits
        raise OptionError(f"--run-time: expected at most {MOST_NUMBER:,.0f} seconds") from None
    assert isinstance(found, argparse.Namespace)
    return found


def _expect_unchanged(asked: argparse.Namespace, found: argparse.Namespace) -> None:
    """Of what is Locust's own, all but what is free must be as `queen load` asks for it."""
    for name in sorted(default_args_dict().keys() - FREE):
        if getattr(found, name) != getattr(asked, name):
            option = NAMES.get(name) or option_name(name)
            raise OptionError(f"{option}: not behind --, nor in a file of Locust's: `queen load` sees to it")


def _source(parser: LocustArgumentParser, text: str) -> str:
    """Where a bad value comes from, if not from the command line: a variable, or a file of Locust's."""
    named = OPTION.search(text)
    for source, settings in parser.get_source_to_settings_dict().items():
        kind, _, file = source.partition("|")
        for variable, (action, _) in settings.items():
            apart = kind in ("environment_variables", "config_file") and action is not None
            if named and apart and named[0] in action.option_strings:
                return f" (from {file or variable})"
    return ""


def main() -> int:
    """Print the length or the complaint; returns the exit code."""
    shape, count, *words = sys.argv[1:]
    try:
        length = length_s(shape, words[: int(count)], words[int(count) :])
    except OptionError as error:
        print(error)
        return EXIT_USAGE
    if length is not None:
        print(length)
    return 0


if __name__ == "__main__":
    sys.exit(main())
