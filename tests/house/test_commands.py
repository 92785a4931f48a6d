"""Every sub-command of `queen`: there, light, and with help that helps."""

import argparse
import json
import re
import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from queen import cli
from queen.cli import COMMAND_GROUP, Command
from queen.commands import serve
from queen.settings import load
from tests.house.test_rules import PYPROJECT

ENTRY_POINTS = [
    EntryPoint(name, place, COMMAND_GROUP)
    for name, place in PYPROJECT["project"]["entry-points"][COMMAND_GROUP].items()
]
HEAVY = {"locust", "gevent", "pandas", "matplotlib", "scipy", "numpy", "asyncpg"}


def modules_after(program: str) -> set[str]:
    """Top-level modules that a fresh Python has loaded after running the program."""
    program += "; import json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


@pytest.mark.parametrize("entry", ENTRY_POINTS, ids=lambda entry: entry.name)
def test_a_command_says_what_it_does_and_shows_an_example(entry: EntryPoint) -> None:
    command = entry.load()
    assert isinstance(command, Command)
    assert command.help.strip()
    assert "\n" not in command.help
    assert f"queen {entry.name}" in command.epilog


@pytest.mark.parametrize("entry", ENTRY_POINTS, ids=lambda entry: entry.name)
def test_help_is_written_alike_and_fits_a_terminal_of_80_columns(
    entry: EntryPoint, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = entry.load()
    assert command.help[0].isupper() and command.help.endswith(".")
    assert "Exit codes: 0 " in " ".join(command.epilog.split())
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        cli.main([entry.name, "--help"])
    assert [line for line in capsys.readouterr().out.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("entry", ENTRY_POINTS, ids=lambda entry: entry.name)
def test_every_option_of_a_command_is_explained(entry: EntryPoint) -> None:
    parser = argparse.ArgumentParser()
    entry.load().add_arguments(parser)
    options = [action for action in parser._actions if not isinstance(action, argparse._SubParsersAction)]
    assert [action.dest for action in options if not action.help] == []


def test_help_loads_nothing_heavy() -> None:
    loading = "; ".join(f"import {entry.module}" for entry in ENTRY_POINTS)
    assert modules_after(loading) & HEAVY == set()


def test_the_defaults_that_the_help_of_serve_names_are_those_of_the_settings() -> None:
    parser = argparse.ArgumentParser()
    serve.COMMAND.add_arguments(parser)
    defaults = load({}).environ()
    named = re.findall(r"\(([A-Z_]+), ([^)]+)\)", " ".join(parser.format_help().split()))
    assert dict(named) == {name: defaults[name] for name, _ in named}
    assert len(named) >= 5
