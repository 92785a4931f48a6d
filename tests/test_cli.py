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
    parser.add_argument("--times", type=_times)


def _times(text: str) -> int:
    raise argparse.ArgumentTypeError("invalid choice: 'c\nd'" if "\n" in text else f"{text!r}: expected more")


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


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["done", "--quiet"], "queen: unrecognized arguments: --quiet (see queen --help)\n"),
        (["done", "--times"], "queen: --times: expected one argument (see queen done --help)\n"),
        (["done", "--times", "0"], "queen: --times '0': expected more (see queen done --help)\n"),
        (["done", "--times", "a\nb"], "queen: --times: invalid choice: 'c d' (see queen done --help)\n"),
    ],
)
def test_a_mistake_in_the_words_is_one_line_without_the_usage(
    words: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        cli.main(words)
    assert raised.value.code == 2
    assert capsys.readouterr().err == line


def test_a_long_mistake_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["done", f"--{'x' * 9999}"])
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert len(line) < 400


def test_an_unknown_command_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = EntryPoint("done", f"{__name__}:DONE", cli.COMMAND_GROUP)
    monkeypatch.setattr(cli, "entry_points", lambda group: [done])
    with pytest.raises(SystemExit) as raised:
        cli.main(["nosuch"])
    assert raised.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("queen: COMMAND: invalid choice: 'nosuch' (choose from ")
    assert said.count("\n") == 1
