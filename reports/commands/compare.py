"""`queen compare`: two runs cell by cell, with intervals; what else differs between them; their cautions."""

import argparse

from queen.cli import Command
from queen.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the parser: RUN_A, RUN_B, --json."""
    parser.add_argument("run_a", metavar="RUN_A", help="run directory or name: the base")
    parser.add_argument("run_b", metavar="RUN_B", help="run directory or name: compared with the base")
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON, for programs")


def run(options: argparse.Namespace) -> int:
    """Compare and print. Raises `UserError` for files that cannot be read, share no cell or are one run."""
    from loadtests.results import ResultError
    from reports.runs import read_any, resolve

    try:
        base, other = read_any([resolve(options.run_a), resolve(options.run_b)])

        from reports import terminal
        from reports.comparison import compare

        found = compare(base, other)
    except ResultError as error:
        raise UserError(str(error)) from None
    if not found.cells:
        experiments = "; ".join(str(each) for each in found.differences if each.topic == "experiment")
        because = [*terminal.who_does_not_count(found), *([experiments] if experiments else [])]
        raise UserError(
            f"{options.run_a} and {options.run_b} have no configuration in common"
            f"{': ' if because else ''}{' '.join(because)}"
        )
    if options.json:
        print(terminal.comparison_as_json(found))
    else:
        terminal.show_comparison(found)
    return 0


COMMAND = Command(
    help="Compare two runs cell by cell, with intervals.",
    epilog=(
        "example: queen compare results/before results/after\n"
        "\n"
        "Exit codes: 0 done, 1 there is no such run or nothing to compare, 2 wrong usage."
    ),
    add_arguments=add_arguments,
    run=run,
)
