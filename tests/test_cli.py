"""The command line: sub-commands by entry point, one line for a mistake, exit codes that mean something."""

import argparse
from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest

from queen import cli
from queen.errors import SettingsError, UserError


def command(run: object) -> cli.Command:
    return cli.Command(help="does it", epilog="example: queen do", add_arguments=_none, run=run)  # type: ignore[arg-type]


def _none(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--loud", action="store_true")


def _fails(error: BaseException) -> cli.Command:
    def run(_options: argparse.Namespace) -> int:
        raise error

    return command(run)


DONE = command(lambda options: 7 if options.loud else 0)
HANDS = replace(command(lambda options: len(options.handed_on) + 10 * options.loud), hands_on=True)
SETTINGS = _fails(SettingsError("DB_POOL_SIZE='x': expected int"))
USER = _fails(UserError("no database"))


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other commands than ours are installed: the command line knows none by name."""
    names = ("HANDS", "DONE", "SETTINGS", "USER", "BROKEN")
    found = [EntryPoint(name.lower(), f"{__name__}:{name}", cli.COMMAND_GROUP) for name in names]
    monkeypatch.setattr(cli, "entry_points", lambda group: found if group == cli.COMMAND_GROUP else [])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["done"], 0, ""),
        (["done", "--loud"], 7, ""),
        (["hands"], 0, ""),
        (["hands", "--loud", "--", "--quiet", "--", "done"], 13, ""),
        (["settings"], 2, "queen: DB_POOL_SIZE='x': expected int\n"),
        (["user"], 1, "queen: no database\n"),
    ],
)
def test_exit_codes(words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == code
    assert capsys.readouterr().err == said


def test_only_the_command_that_is_asked_for_is_loaded() -> None:
    """`broken` names nothing: were it loaded, this would fail."""
    assert cli.main(["done"]) == 0


@pytest.mark.parametrize("words", [["done", "--", "--quiet"], ["hands", "more", "--", "--quiet"]])
def test_what_is_not_handed_on_is_parsed(words: list[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        cli.main(words)
    assert raised.value.code == 2


def test_an_unknown_command_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        cli.main(["done", "--quiet"])
    assert raised.value.code == 2
    assert "unrecognized arguments: --quiet" in capsys.readouterr().err
