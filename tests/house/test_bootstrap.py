"""The command line of a fresh clone: words, exit codes, signals."""

import ast
import signal
import subprocess
import sys

import pytest

import bootstrap
from tests.house.conftest import ROOT, SmallCheckout


def run_as_python(version: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = f"import runpy, sys; sys.version_info = {version}; "
    program += "runpy.run_path('bootstrap.py', run_name='__main__')"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("version", ["(3, 6, 9)", "(3, 10, 14)"])
def test_an_old_python_is_told_so_in_one_line(version: str) -> None:
    done = run_as_python(version, "bench")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Python 3.11 or newer is needed, this is 3." in done.stderr


def test_an_old_python_can_read_the_file() -> None:
    ast.parse((ROOT / "bootstrap.py").read_text(encoding="utf-8"), feature_version=(3, 6))


def test_nothing_but_the_version_is_looked_at_before_the_message() -> None:
    statements = ast.parse((ROOT / "bootstrap.py").read_text(encoding="utf-8")).body
    assert [ast.unparse(statement) for statement in statements[1:3]] == ["import os", "import sys"]
    assert isinstance(statements[3], ast.If)
    assert ast.unparse(statements[3].test) == "sys.version_info < (3, 11)"


@pytest.mark.parametrize("arguments", [(), ("help",), ("--help",)])
def test_help_names_every_target_and_installs_nothing(
    small: SmallCheckout, arguments: tuple[str, ...]
) -> None:
    done = small.run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(f"  {name} " in done.stdout for name in bootstrap.TARGETS)
    assert not small.checkout.venv.exists()


def test_an_unknown_target_is_wrong_usage_and_installs_nothing(small: SmallCheckout) -> None:
    done = small.run("bnech")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "queen: there is no target 'bnech'; see: python3 bootstrap.py help\n"
    assert not small.checkout.venv.exists()


def test_the_last_command_gets_the_arguments_and_gives_the_exit_code(small: SmallCheckout) -> None:
    small.pretend_to_be_set_up()
    small.put_command("queen", 'printf "%s|" "$@"; exit 3')
    done = small.run("load", "--users", "two words")
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout == "load|high|--users|two words|"


@pytest.mark.parametrize(
    ("arguments", "handed_on"),
    [
        ((), "load|high|"),
        (("mixed", "--users", "3"), "load|mixed|--users|3|"),
        (("--help",), "load|high|--help|"),
    ],
)
def test_a_load_is_high_unless_it_is_named(
    small: SmallCheckout, arguments: tuple[str, ...], handed_on: str
) -> None:
    small.pretend_to_be_set_up()
    small.put_command("queen", 'printf "%s|" "$@"')
    assert small.run("load", *arguments).stdout == handed_on


def test_the_last_command_is_the_process_itself(small: SmallCheckout) -> None:
    small.pretend_to_be_set_up()
    small.put_command("queen", "echo $$; read never_comes")
    process = small.start("serve")
    assert process.stdout is not None
    assert int(process.stdout.readline()) == process.pid
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=50)
    assert process.returncode == -signal.SIGINT


def test_commands_run_as_in_the_activated_environment(small: SmallCheckout) -> None:
    small.pretend_to_be_set_up()
    small.put_command("queen", 'echo "$VIRTUAL_ENV"; command -v helper; pwd')
    small.put_command("helper", "")
    venv = str(small.checkout.venv)
    assert small.run("report").stdout.split() == [venv, f"{venv}/bin/helper", str(small.checkout.root)]


def test_the_first_check_that_fails_ends_the_test_run(small: SmallCheckout) -> None:
    small.pretend_to_be_set_up()
    small.put_command("ruff", "echo ruff $1")
    small.put_command("mypy", "echo mypy; exit 4")
    small.put_command("lint-imports", "echo imports")
    small.put_command("pytest", "echo pytest")
    done = small.run("test")
    assert (done.returncode, done.stdout.splitlines()) == (4, ["ruff check", "ruff format", "mypy"])


def test_pytest_has_the_last_word(small: SmallCheckout) -> None:
    small.pretend_to_be_set_up()
    for name in ("ruff", "mypy", "lint-imports"):
        small.put_command(name, "")
    small.put_command("pytest", 'echo "1 passed $*"')
    done = small.run("test", "-x")
    assert (done.returncode, done.stdout) == (0, f"1 passed {' '.join(bootstrap.PYTEST[1:])} -x\n")
    assert done.stderr.splitlines()[-1] == "queen: lint-imports"


def test_bytecode_is_kept_whatever_the_user_says(small: SmallCheckout) -> None:
    """The commands start process after process: each would compile all that it imports."""
    small.pretend_to_be_set_up()
    small.put_command("ruff", 'test -z "$PYTHONDONTWRITEBYTECODE"')
    for name in ("mypy", "lint-imports"):
        small.put_command(name, "")
    assert small.run("lint", PYTHONDONTWRITEBYTECODE="1").returncode == 0


def test_a_terminated_check_leaves_no_process(small: SmallCheckout) -> None:
    small.pretend_to_be_set_up()
    small.put_command("ruff", "echo started; read never_comes")
    process = small.start("lint")
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    process.terminate()
    process.communicate(timeout=50)  # ends only when the check has let go of the pipe too
    assert process.returncode == 143


def test_a_missing_command_is_one_line(small: SmallCheckout) -> None:
    small.pretend_to_be_set_up()
    done = small.run("bench")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert ".venv/bin/queen" in done.stderr
