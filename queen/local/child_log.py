"""What a child process has written since it was started; the file may hold older runs before that."""

import os
import re
from pathlib import Path

TAIL_BYTES = 8 * 1024
HEAD_BYTES = 64 * 1024
COMPLAINT = re.compile(r"\b(fatal|panic|error)\b", re.IGNORECASE)


class ChildLog:
    """A log file from a given offset on."""

    def __init__(self, path: Path, start: int = 0) -> None:
        self.path = path
        self._start = start

    def search(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Look for a whole line among the first ones; the pattern is matched at the start of each."""
        lines = self._read(self._start, HEAD_BYTES).splitlines(keepends=True)
        matches = (pattern.match(line) for line in lines if line.endswith("\n"))
        return next((match for match in matches if match), None)

    def tail(self) -> str:
        """The last lines."""
        size = self.path.stat().st_size if self.path.exists() else 0
        begin = max(self._start, size - TAIL_BYTES)
        text = self._read(begin, TAIL_BYTES)
        return (text if begin == self._start else text.partition("\n")[2]).strip()

    def complaint(self) -> str:
        """The line that says best what went wrong: the last that names an error, else the last."""
        lines = self.tail().splitlines()
        telling = [line for line in lines if COMPLAINT.search(line)]
        return next(reversed(telling or lines), "nothing in its log").strip()

    def _read(self, offset: int, limit: int) -> str:
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                return file.read(limit).decode(errors="replace")
        except OSError:
            return ""


def open_log(path: Path) -> tuple[int, ChildLog]:
    """Open a log to append to; returns the descriptor and the view on what will be written.

    Never follows a link: the log may lie in a directory of the database's user, opened by root.
    Raises OSError.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o644)
    return descriptor, ChildLog(path, os.fstat(descriptor).st_size)
