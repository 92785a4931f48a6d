"""One event is one line of JSON, whatever is in it."""

import io
import json
import logging
import os
from collections.abc import Iterator

import pytest

from queen.observe.log import start_logging
from queen.settings import LogLevel


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the lines go; the logging that pytest set up comes back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:], root.level = handlers, level


def test_a_line_has_stamp_level_event_and_fields(stream: io.StringIO) -> None:
    start_logging(LogLevel.INFO, stream)
    logging.getLogger("queen.test").info("stopped", extra={"cut_off": 3})
    line = json.loads(stream.getvalue())
    assert line.pop("ts").endswith("+00:00")
    assert line == {"level": "info", "logger": "queen.test", "event": "stopped", "cut_off": 3}


def test_line_breaks_are_escaped(stream: io.StringIO) -> None:
    start_logging(LogLevel.INFO, stream)
    logging.getLogger("queen.test").info("event\r\nforged", extra={"target": "/a\n{}\u2028"})
    assert stream.getvalue().count("\n") == 1
    assert json.loads(stream.getvalue())["target"] == "/a\n{}\u2028"


def test_a_trace_stays_on_its_line(stream: io.StringIO) -> None:
    start_logging(LogLevel.INFO, stream)
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        logging.getLogger("queen.test").exception("failed")
    assert stream.getvalue().count("\n") == 1
    assert json.loads(stream.getvalue())["trace"].endswith("RuntimeError: broken")


def test_what_is_less_severe_than_the_level_is_not_written(stream: io.StringIO) -> None:
    start_logging(LogLevel.WARN, stream)
    logging.getLogger("queen.test").info("quiet")
    logging.getLogger("queen.test").warning("loud")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["loud"]


def test_values_that_json_does_not_know_are_written_as_text(stream: io.StringIO) -> None:
    start_logging(LogLevel.INFO, stream)
    logging.getLogger("queen.test").info("odd", extra={"level_wanted": LogLevel.INFO, "what": object})
    assert json.loads(stream.getvalue())["what"] == "<class 'object'>"


def test_a_closed_stream_is_survived(stream: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    start_logging(LogLevel.INFO, stream)
    stream.close()
    logging.getLogger("queen.test").info("unheard")
    assert capsys.readouterr().err == ""


def test_what_a_pipe_holds_whose_reader_has_gone_fails_no_flush() -> None:
    """As that of the interpreter at its end, which would make the exit code 120."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        os.close(reader)
        start_logging(LogLevel.INFO, stream)
        logging.getLogger("queen.test").info("unheard")
        stream.flush()
