"""The `queen` command: finds its sub-commands by entry point and runs one.

It names no sub-command and no other package: whatever is installed under the entry-point group
`queen.commands` is a sub-command. Only the one that is asked for is loaded (`queen serve` never
imports Locust or pandas); `queen --help` loads all, so a command's module must be light and import
what is heavy inside `run`.

Exit codes: 0 done, 1 the work failed (one line on stderr says why), 2 wrong usage or configuration,
3 not every message is accounted for, 130 interrupted, 141 nobody reads the output any more (`queen.output`).
"""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import NoReturn

from queen import __version__
from queen.errors import SettingsError, UserError

COMMAND_GROUP = "queen.commands"
EXIT_FAILED, EXIT_USAGE, EXIT_ACCOUNTING, EXIT_INTERRUPTED = 1, 2, 3, 130
MOST_OF_A_COMPLAINT = 300  # characters of what argparse says: it repeats a bad value whole


@dataclass(frozen=True)
class Command:
    """What an entry point of the group `queen.commands` must name.

    `help` is one line; `epilog` holds at least one example; `add_arguments` fills the parser;
    `run` does the work and returns the exit code. `run` raises `UserError` or `SettingsError` for
    everything that is the user's to mend: it becomes one line on stderr, never a stack trace.
    `hands_on`: the words behind `--` are not parsed; `run` finds them in `options.handed_on`.
    """

    help: str
    epilog: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    hands_on: bool = False


def main(argv: Sequence[str] | None = None) -> int:
    """Run one sub-command and return its exit code. Raises KeyboardInterrupt, which `__main__` catches."""
    words = list(sys.argv[1:] if argv is None else argv)
    found = {entry.name: entry for entry in entry_points(group=COMMAND_GROUP)}
    asked = next((word for word in words if word in found), None)
    parser = _parser(found, asked)
    handed_on: list[str] = []
    if asked is not None and "--" in words and _load(found[asked]).hands_on:
        words, handed_on = words[: words.index("--")], words[words.index("--") + 1 :]
    options = parser.parse_args(words, argparse.Namespace(handed_on=handed_on))
    run: Callable[[argparse.Namespace], int] | None = getattr(options, "run", None)
    if run is None:
        parser.print_help()
        return 0
    try:
        return run(options)
    except SettingsError as error:
        print(f"queen: {error}", file=sys.stderr)
        return EXIT_USAGE
    except UserError as error:
        print(f"queen: {error}", file=sys.stderr)
        return EXIT_FAILED


class OneLineParser(argparse.ArgumentParser):
    """A parser that refuses in one line, like every other mistake; its sub-parsers are of this kind too."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with which option, and exit with 2."""
        said = re.sub(r"^argument (\S+): (?=')", r"\1 ", " ".join(message.split()))
        said = said.removeprefix("argument ")
        if len(said) > MOST_OF_A_COMPLAINT:
            said = f"{said[:MOST_OF_A_COMPLAINT]}…"
        self.exit(EXIT_USAGE, f"queen: {said} (see {self.prog} --help)\n")


def _load(entry: EntryPoint) -> Command:
    command: Command = entry.load()
    return command


def _parser(found: dict[str, EntryPoint], asked: str | None) -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog="queen",
        description="A PostgreSQL-backed message queue, the load to tune its pool with, and the report.",
        epilog="example: queen sweep --pool 2,5,20,50 --strategy sequential,batch --rtt 0,2",
    )
    parser.add_argument("--version", action="version", version=f"queen {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name in sorted(found):
        if asked not in (None, name):
            commands.add_parser(name)
            continue
        command = _load(found[name])
        sub = commands.add_parser(
            name,
            help=command.help,
            description=command.help,
            epilog=command.epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(sub)
        sub.set_defaults(run=command.run)
    return parser
