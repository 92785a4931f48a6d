"""What the user reads while a sweep runs."""

import io

import pytest

from loadtests.results import Cell, ErrorCount
from loadtests.sweep.progress import clock, showing, trial_line
from tests.sweep.made import made_load, made_trial


@pytest.mark.parametrize(("seconds", "text"), [(-3, "0:00"), (59.6, "1:00"), (245, "4:05"), (3601, "60:01")])
def test_time_left(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_a_trial_is_one_line_with_its_figures_and_what_is_against_it() -> None:
    error = ErrorCount(status=503, code="pool_timeout", text="timeout exceeded", requests=7)
    load = made_load(acknowledged=12_345, errors=(error,))
    line = trial_line(made_trial(cell=Cell(), load=load, order=3, fatal=True), 4, 76)
    assert line.startswith("[ 4/76] capacity-b0 ")
    assert "12,345 msg/s" in line
    assert "7 failed" in line
    assert line.endswith("INVALID: other programs used 99% of the machine")


def test_without_a_terminal_there_are_plain_lines() -> None:
    stream = io.StringIO()
    with showing(stream) as progress:
        progress.at(done=1, left=2, seconds_left=3.0, now="x")
        progress.tell("a line [with brackets]")
    assert stream.getvalue() == "a line [with brackets]\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_there_is_a_bar_with_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with showing(stream) as progress:
        progress.at(done=1, left=2, seconds_left=65.0, now="capacity-b0-p5")
        progress.tell("a line [with brackets]")
    assert "1/3" in stream.getvalue()
    assert "1:05 left" in stream.getvalue()
    assert "a line [with brackets]" in stream.getvalue()
