#!/usr/bin/env python3
"""Set the project up in `.venv` and run a part of it: `python3 bootstrap.py TARGET [ARGUMENTS]`.

A fresh clone needs nothing but Python: this file and `house/` are standard library only. The commands
of a target run in order and the first that fails ends it; the last one replaces this process, so its
exit code and its signals are its own. Other exit codes: 1 the set-up failed, 2 wrong usage or an old
Python, 130 interrupted, 143 terminated.

Older Pythons must be able to read this file as far as the message that says so.
"""

import os
import sys

if sys.version_info < (3, 11):
    running = "{}.{}".format(*sys.version_info[:2])
    sys.stderr.write(f"queen: Python 3.11 or newer is needed, this is {running}; try python3.11\n")
    sys.exit(2)
if os.name != "posix":
    sys.stderr.write("queen: Linux or macOS is needed; on Windows use WSL\n")
    sys.exit(2)

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

from house import debian
from house.environment import Checkout, SetupError
from house.index import for_locking, uv_environment
from house.install import pip_settings, say, set_up

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED, EXIT_TERMINATED = 1, 2, 130, 143


class Target(NamedTuple):
    """A word of the command line: commands of `.venv/bin`; the arguments go to the last of them."""

    help: str
    commands: tuple[tuple[str, ...], ...] = ()
    unless_said: tuple[str, ...] = ()  # the last command's first argument, where ARGS begins with none


CHECKS = (("ruff", "check"), ("ruff", "format", "--check"), ("mypy",), ("lint-imports",))
# Three at a time, on two cores too: most of a test is waiting. tests/distribution.py deals them out.
PYTEST = ("pytest", "--numprocesses=3", "--dist=loadscope", "--no-loadscope-reorder")
COMPILE = (
    *("uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes"),
    *("--no-header", "--no-annotate", "--no-emit-index-url"),
)
LOCKS = (
    *(
        (*COMPILE, f"tests/clients/queen-mq-{version}.in", "-o", f"tests/clients/requirements-{version}.lock")
        for version in ("0.15.0", "2.6.0")
    ),
    (*COMPILE, "pyproject.toml", "--all-extras", "-o", "requirements.lock"),
)

TARGETS = {
    "bench": Target(
        "find the pool settings for this machine and write the report (about 5 minutes)",
        (("queen", "sweep", "loadtests/experiments/quick.toml"),),
    ),
    "test": Target("check style, types and imports, then run the tests", (*CHECKS, PYTEST)),
    "lint": Target("check style, types and imports", CHECKS),
    "serve": Target("start the queue server with a database of its own", (("queen", "serve"),)),
    "load": Target(
        'load a server and account for every message (ARGS="mixed --users 20"; else: high)',
        (("queen", "load"),),
        unless_said=("high",),
    ),
    "sweep": Target("measure a matrix of settings", (("queen", "sweep"),)),
    "ceiling": Target(
        "measure the server beside what its database can do (about 5 minutes)", (("queen", "ceiling"),)
    ),
    "report": Target(
        "write the report of the latest run, or of the one that is named", (("queen", "report"),)
    ),
    "compare": Target("compare two runs", (("queen", "compare"),)),
    "setup": Target("only set .venv up"),
    "lock": Target("write the lock files anew after a change of the dependencies", LOCKS),
    "help": Target("show this"),
}


def main(argv: Sequence[str]) -> int:
    """Run one target; returns only when no command has replaced this process."""
    name, arguments = (argv[0], argv[1:]) if argv else ("help", ())
    if name in ("help", "-h", "--help"):
        print(usage())
        return 0
    if name not in TARGETS:
        say(f"there is no target {name!r}; see: python3 bootstrap.py help")
        return EXIT_USAGE
    checkout = Checkout(Path(__file__).resolve().parent)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_TERMINATED))  # ends a child of ours too
    os.chdir(checkout.root)
    try:
        set_up(checkout)
        if name == "test":
            debian.install(debian.missing())
        if name == "lock":
            pip = pip_settings([sys.executable, "-m", "pip"])
            return run(checkout, TARGETS[name], arguments, for_locking(uv_environment(pip, os.environ)))
        return run(checkout, TARGETS[name], arguments, dict(os.environ))
    except (SetupError, OSError) as error:
        say(str(error))
        return EXIT_FAILED
    except KeyboardInterrupt:
        say("interrupted")
        return EXIT_INTERRUPTED


def run(checkout: Checkout, target: Target, arguments: Sequence[str], environ: dict[str, str]) -> int:
    """Run the target's commands as in an activated environment; returns the code of one that fails.

    They start many processes. Where bytecode is not kept, each of those compiles all that it imports.
    """
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    environ["VIRTUAL_ENV"] = str(checkout.venv)
    environ["PATH"] = os.pathsep.join([str(checkout.bin), environ.get("PATH", os.defpath)])
    for command in target.commands[:-1]:
        say(" ".join(command))
        code = subprocess.run([checkout.bin / command[0], *command[1:]], env=environ, check=False).returncode
        if code:
            return code
    if target.commands:
        said = bool(arguments) and not arguments[0].startswith("-")
        become(checkout, (*target.commands[-1], *(() if said else target.unless_said), *arguments), environ)
    return 0


def become(checkout: Checkout, command: Sequence[str], environ: dict[str, str]) -> NoReturn:
    """Replace this process by the command. Raises OSError when it is not there."""
    os.execve(checkout.bin / command[0], list(command), environ)


def usage() -> str:
    """The text of `help`."""
    targets = [f"  {name:<9}{target.help}" for name, target in TARGETS.items()]
    return "\n".join(
        [
            "usage: make TARGET [ARGS=…]",
            "       python3 bootstrap.py TARGET [ARGUMENTS]      (the same without make)",
            "",
            *targets,
            "",
            "Whichever comes first installs what all need into .venv, which takes about 10 to 40 seconds.",
            "Arguments go to the command that the target runs:",
            '  make test ARGS="tests/house -x"',
            "  python3 bootstrap.py sweep --help",
        ]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
