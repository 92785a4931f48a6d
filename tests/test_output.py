"""A reader that goes ends a command without a word; whatever else breaks is told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from queen.output import EXIT_NO_READER, while_read


def unread(*command: str, stderr_too: bool = False) -> tuple[int, str]:
    """Run a command whose output nobody ever reads: its exit code, and what it says on stderr."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            command,
            stdout=writer,
            stderr=writer if stderr_too else subprocess.PIPE,
            text=True,
            timeout=60,
            env=os.environ | {"PYTHONUNBUFFERED": ""},
            check=False,
        )
    finally:
        os.close(writer)
    return done.returncode, done.stderr or ""


@pytest.mark.parametrize("words", [(), ("--help",), ("report", "--help"), ("--version",)])
def test_help_that_nobody_reads_ends_silently(words: tuple[str, ...]) -> None:
    assert unread(sys.executable, "-m", "queen", *words) == (EXIT_NO_READER, "")


def test_an_error_that_nobody_reads_ends_silently(tmp_path: Path) -> None:
    code, _ = unread(sys.executable, "-m", "queen", "report", str(tmp_path), stderr_too=True)
    assert code == EXIT_NO_READER


def test_what_is_printed_and_read_keeps_its_exit_code() -> None:
    assert while_read(lambda: 3) == 3


def test_another_connection_that_breaks_is_no_reader() -> None:
    def main() -> int:
        raise BrokenPipeError("a socket of ours")

    with pytest.raises(BrokenPipeError, match="a socket of ours"):
        while_read(main)


def test_a_closed_stdout_is_no_reader_that_went() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m queen --version >&-"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
