"""`queen report`: the finding of a run in the terminal, and the page beside its files.

Light on purpose: `queen --help` imports this module, so pandas, matplotlib and scipy come in inside `run`,
and then when the files are read: who named a wrong one need not wait for them.
"""

import argparse
import sys
import webbrowser
from pathlib import Path

from queen.cli import Command
from queen.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the parser: RUN, --open, --json (the name `run` belongs to the command line itself)."""
    parser.add_argument("which", nargs="?", metavar="RUN", help="run directory or name (default: the latest)")
    parser.add_argument(
        "--open",
        choices=("auto", "yes", "no"),
        default="auto",
        dest="open_page",
        help="show the page in a browser; auto: when a person is at the terminal (default: auto)",
    )
    parser.add_argument("--json", action="store_true", help="print finding and verdict as JSON, for programs")


def run(options: argparse.Namespace) -> int:
    """Judge the run, write report.html, print. Raises `UserError` for files that cannot be read."""
    from loadtests.results import ResultError

    try:
        return _report(options)
    except ResultError as error:
        raise UserError(str(error)) from None
    except BrokenPipeError:  # who reads what is printed has gone: the command line knows what to do
        raise
    except OSError as error:
        raise UserError(f"cannot write the report: {error}") from None


def _report(options: argparse.Namespace) -> int:
    from loadtests.results import Manifest, RunFiles, read
    from reports.runs import read_run, resolve

    root = resolve(options.which)
    if read(RunFiles(root).manifest, Manifest).kind == "ceiling":
        return _report_ceilings(root, options)
    found = read_run(root)

    from reports import dataset, terminal
    from reports.judge import judge
    from reports.page import build

    loaded = dataset.of((found,))
    verdict = judge(loaded)
    page = RunFiles(root).report
    build.write(loaded, verdict, page)
    if options.json:
        print(terminal.as_json(verdict, page))
    else:
        terminal.show(verdict, page)
    _open_page(page, options)
    return 0


def _report_ceilings(root: Path, options: argparse.Namespace) -> int:
    from loadtests.results import Ceilings, Manifest, RunFiles, read

    files = RunFiles(root)
    manifest, ceilings = read(files.manifest, Manifest), read(files.ceilings, Ceilings)

    from reports.ceilings import findings, page, terminal

    found = findings.find(ceilings)
    page.write(files, manifest, ceilings, found)
    if options.json:
        print(terminal.as_json(found, manifest, files.report))
    else:
        terminal.show(found, manifest, files.report)
    _open_page(files.report, options)
    return 0


def _open_page(page: Path, options: argparse.Namespace) -> None:
    if _wants_page(options.open_page, options.json):
        webbrowser.open(page.resolve().as_uri())


def _wants_page(choice: str, as_json: bool) -> bool:
    return choice == "yes" or (
        choice == "auto" and not as_json and sys.stdin.isatty() and sys.stdout.isatty()
    )


COMMAND = Command(
    help="Say which pool size a run recommends, and write its report.html.",
    epilog=(
        "examples:\n"
        "  queen report                         the latest run below results/\n"
        "  queen report results/RUN --open no   one run, no browser\n"
        "  queen report --json | jq -r .finding\n"
        "\n"
        "Exit codes: 0 done, 1 no such run, or its files cannot be read, 2 wrong usage."
    ),
    add_arguments=add_arguments,
    run=run,
)
