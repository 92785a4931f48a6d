"""What `queen load` refuses before it starts anything: what only Locust, the disk or the network can tell."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtests.commands import load_checks, load_progress, load_session
from loadtests.commands.load_request import LoadRequest
from loadtests.sweep.progress import clock
from queen import cli


class Started(Exception):
    """The checks had nothing against it."""


@pytest.fixture(autouse=True)
def nothing_is_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def start(*_: object) -> None:
        raise Started

    monkeypatch.setattr(load_session, "open_target", start)
    monkeypatch.chdir(tmp_path)


def refusal(words: list[str], capsys: pytest.CaptureFixture[str], code: int = 2) -> str:
    assert cli.main(["load", "high", *words]) == code
    line = capsys.readouterr().err
    assert line.startswith("queen: ")
    assert line.count("\n") == 1
    assert len(line) < 250
    return line


@pytest.mark.parametrize(
    ("handed_on", "said"),
    [
        (["--no-such-option"], "--no-such-option"),
        (["--pyload-bytes", "5"], "Did you mean '--payload-bytes'?"),
        (["--payload-bytes", "-1"], "--payload-bytes '-1'"),
        (["--batch", "0"], "--batch 0"),
        (["--loop", "oval"], "--loop"),
        (["--arrivals", "sometimes"], "--arrivals"),
        (["--users", "0"], "--users 0"),
        (["--run-time", "99999999999999h"], "--run-time"),
        (["--spawn-rate", "inf"], "--spawn-rate"),
        (["--consumers", "0.1", "--groups", "9"], "--groups 9"),
        (["--results-dir", "/dev/null"], "--results-dir '/dev/null'"),
        (["--help"], "--help"),
        (["--host", "http://127.0.0.1:1"], "--host"),
        (["--hos=http://127.0.0.1:1"], "--host"),
        (["-H", "http://127.0.0.1:1"], "-H"),
        (["--master"], "--master"),
        (["--worker"], "--worker"),
        (["--processes", "2"], "--processes"),
        (["--list"], "--list"),
        (["-f", "other.py"], "--locustfile"),
        (["Nobody"], "a user class"),
    ],
)
def test_words_with_which_locust_makes_no_load(
    handed_on: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refusal(["--headless", "--", *handed_on], capsys)


@pytest.mark.parametrize("headless", [["--headless"], []])
def test_words_with_which_it_does(headless: list[str]) -> None:
    with pytest.raises(Started):
        cli.main(["load", "high", *headless, "--", "--payload-bytes", "77", "-L", "WARNING"])


@pytest.mark.parametrize(
    ("shape", "run_time", "handed_on", "length_s"),
    [
        ("high", "90s", (), 90.0),
        ("high", "90s", ("--run-time", "2m"), 120.0),
        ("ramp", None, ("--steps", "4", "--step-time", "3", "--warm-up", "2"), 20.0),
        ("ramp", "10s", ("--steps", "4", "--step-time", "3"), 10.0),
        ("saturation", None, (), None),
    ],
)
def test_how_long_it_will_last_is_known_before_it_begins(
    shape: str, run_time: str | None, handed_on: tuple[str, ...], length_s: float | None
) -> None:
    request = LoadRequest(
        shape=shape,
        users=2,
        rate_msg_s=None,
        loop=None,
        consumers=None,
        headless=True,
        run_time=run_time,
        host="http://127.0.0.1:1",
        web_port=0,
        results_dir=None,
        server={},
        handed_on=handed_on,
    )
    assert load_checks.check(request, os.environ) == length_s
    beginning = load_progress.beginning(request, length_s)
    told = "until its answer is found" if length_s is None else f"for {clock(length_s)}"
    assert beginning == f"load {shape}, 2 users, {told}; Ctrl-C ends it and keeps what was measured"


def test_what_a_file_of_locusts_says_counts_as_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "locust.conf").write_text("processes = 3\n")
    assert "--processes" in refusal(["--headless"], capsys)
    (tmp_path / "locust.conf").write_text("payload-bytes = 1\n")
    assert "locust.conf" in refusal(["--headless"], capsys)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("QUEEN_LOAD_RATE", "fast"),
        ("QUEEN_LOAD_RATE", "-5"),
        ("BATCH_SIZE", "0"),
        ("QUEEN_LOAD_LOOP", "oval"),
        ("QUEEN_LOAD_TOKEN_FILE", "/nowhere"),
        ("QUEEN_LOAD_RESULTS_DIR", "/dev/null"),
        ("DB_POOL_SIZE", "x"),
        ("QUEEN_TOKEN", "zwölf"),
        ("QUEEN_TOKEN", "a\nb"),
    ],
)
def test_a_bad_variable_is_named(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, value)
    assert variable in refusal(["--headless"], capsys)


@pytest.mark.parametrize("directory", ["/dev/null", "/dev/null/below", "/proc/here", "d" * 300])
def test_a_directory_in_which_nothing_can_be_written(
    directory: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "--results-dir" in refusal(["--headless", "--results-dir", directory], capsys)


@pytest.mark.parametrize("address", ["", "nowhere.invalid", "192.0.2.1", "h" * 300, "a..b"])
def test_an_address_that_is_not_of_this_machine(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--web-host" in refusal(["--web-host", address], capsys)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_that_is_taken(taken: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"--web-port {taken}" in refusal(["--web-port", str(taken)], capsys, code=1)
