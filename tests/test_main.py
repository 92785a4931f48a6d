"""The console script before the command line is there."""

import sys
from types import ModuleType

import pytest

import queen
from queen import __main__, cli


class Interrupted(ModuleType):
    """A module at whose first use Ctrl-C is pressed."""

    def __getattr__(self, name: str) -> object:
        raise KeyboardInterrupt


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_an_interrupt_while_it_imports_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "queen.cli", Interrupted("queen.cli"))
    monkeypatch.setattr(queen, "cli", Interrupted("queen.cli"))
    assert __main__.main() == 130
    assert capsys.readouterr().err == "queen: interrupted\n"


def test_an_interrupt_of_a_command_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "main", interrupt)
    assert __main__.main() == 130
    assert capsys.readouterr().err == "queen: interrupted\n"


def test_an_interrupt_while_it_looks_for_its_commands_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "entry_points", interrupt)
    assert __main__.main() == 130
    assert capsys.readouterr().err == "queen: interrupted\n"
