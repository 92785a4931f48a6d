"""Log lines: one JSON object a line on stderr, `{"ts": …, "level": …, "event": …, fields…}`.

Rooms log with the standard library: `getLogger("queen.http").info("event_name", extra={"field": 1})`.
The event is a fixed word, what varies goes into fields; line breaks in them are escaped by JSON, so
that one event is one line. Bodies, tokens and passwords are never given to a logger.
"""

import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec

from queen.output import let_go
from queen.settings import LogLevel

_LEVELS = {
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.INFO: logging.INFO,
    LogLevel.WARN: logging.WARNING,
    LogLevel.ERROR: logging.ERROR,
}
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class JsonLine(logging.Formatter):
    """A record as one line of JSON; the trace of an exception is the field `trace`.

    `worker_id`: the number of the worker that writes, when there are several.
    """

    def __init__(self, worker_id: int | None = None) -> None:
        super().__init__()
        self._whose = {} if worker_id is None else {"worker": worker_id}

    def format(self, record: logging.LogRecord) -> str:
        """The line without its line break."""
        line: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **self._whose,
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


class QuietStream(logging.StreamHandler[TextIO]):
    """Drops lines that cannot be written: a closed pipe must not stop a server."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the standard's name
        """Keep still about what nobody can be told; everything else is the standard's."""
        error = sys.exc_info()[1]
        if isinstance(error, BrokenPipeError):
            let_go(self.stream)
        elif not isinstance(error, (OSError, ValueError)):
            super().handleError(record)


def start_logging(level: LogLevel, stream: TextIO | None = None, worker_id: int | None = None) -> None:
    """Send every logger's lines from `level` on to `stream` (None: stderr), replacing what was set up."""
    handler = QuietStream(stream or sys.stderr)
    handler.setFormatter(JsonLine(worker_id))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[level])
