"""What a person may ask of a load at most, and what a server's address and its token look like.

Pure, and without Locust: whoever starts a load as a child process refuses by the same rules as that does.
"""

import math
import re
from urllib.parse import urlsplit

MOST_USERS = 100_000
MOST_POOL = 10_000  # connections: each is a process of PostgreSQL
MOST_NUMBER = 1e9  # of whatever unit: what is larger is a slip of the hand
MOST_PUSHES_S = 1_000_000  # that fall due in a second, of all producers: a process makes some ten thousand
MOST_BODY_BYTES = 64 << 20  # of one push, as a server of ours takes it if nobody says otherwise
MOST_TEXT = 255  # characters, as of the names of queues
SHOWN_TEXT = 60  # characters of a bad value that an error shows

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z0-9._:%-]+")
_RUN_TIME = re.compile(r"(\d+)s?|(?=\d)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)


def whole_number(text: str, least: int, most: int) -> int:
    """Read plain digits. Raises ValueError with what was expected."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise ValueError(f"{shown(text)}: expected a whole number, {least:,} to {most:,}")
    return int(text)


def number(text: str, least: float, most: float, *, above: bool = False) -> float:
    """Read a plain decimal number from `least`, or above it, to `most`.

    Raises ValueError with what was expected.
    """
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not (least < value if above else least <= value) or value > most:
        possible = f" above {least:,g}, at most {most:,.0f}" if above else f", {least:,g} to {most:,.0f}"
        raise ValueError(f"{shown(text)}: expected a number{possible}")
    return value


def run_time_s(text: str) -> int:
    """Seconds of `30`, `30s`, `5m` or `1h30m`. Raises ValueError with what was expected."""
    found = _RUN_TIME.fullmatch(text)
    if found is None or len(text) > SHOWN_TEXT:
        raise ValueError(f"{shown(text)}: expected a time like 30s, 5m or 1h30m")
    plain, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return check_run_time(plain + 3600 * hours + 60 * minutes + seconds, shown(text))


def check_run_time(seconds: int, as_text: str) -> int:
    """The same seconds. Raises ValueError for none, which is for ever to Locust, and for more than can be."""
    if not 0 < seconds <= MOST_NUMBER:
        raise ValueError(f"{as_text}: expected 1 to {MOST_NUMBER:,.0f} seconds")
    return seconds


class Impossible(ValueError):
    """A load that no generator can make. `what` of it: users, partitions, batch or rate; `text`: why not."""

    def __init__(self, what: str, text: str) -> None:
        super().__init__(f"{what}: {text}")
        self.what = what
        self.text = text


def expect_possible(*, users: int, partitions: int, batch: int, payload_bytes: int, pushes_s: float) -> None:
    """Refuse what no generator can do. Raises `Impossible`.

    `users`: producers; `pushes_s`: that fall due in a second, of all of them; 0: a closed loop.
    """
    if users > MOST_USERS:
        raise Impossible("users", f"{users:,} producers, expected at most {MOST_USERS:,}")
    if batch * payload_bytes > MOST_BODY_BYTES:
        raise Impossible(
            "batch", f"{batch:,} × {payload_bytes:,} bytes, more than {MOST_BODY_BYTES >> 20} MiB in one push"
        )
    if partitions > MOST_USERS:
        raise Impossible("partitions", f"{partitions:,}, expected at most {MOST_USERS:,}")
    if pushes_s > MOST_PUSHES_S:
        raise Impossible("rate", f"more than {MOST_PUSHES_S:,} pushes/s")


def server_address(text: str) -> str:
    """An `http://host:port` without a slash at its end. Raises ValueError with what was expected."""
    try:
        parts = urlsplit(text)
        bare = parts.path in ("", "/") and not (parts.query or parts.fragment or "@" in parts.netloc)
        usable = parts.scheme == "http" and bare and parts.port != 0 and len(text) <= MOST_TEXT
        host = parts.hostname or ""
    except ValueError:  # no port that there can be
        usable, host = False, ""
    if not usable or not _HOST.fullmatch(host) or not text.isprintable():
        raise ValueError(f"{shown(text)}: expected http://host:port")
    return text.rstrip("/")


def is_token(text: str) -> bool:
    """Whether it can stand in a header as a bearer token: ASCII that is printed, without spaces."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def option_name(name: str) -> str:
    """`--payload-bytes` of `payload_bytes`: an option as a person writes it."""
    return f"--{name.replace('_', '-')}"


def shown(text: str) -> str:
    """A bad value as an error shows it: quoted, on one line, and not longer than a line."""
    return repr(text if len(text) <= SHOWN_TEXT else f"{text[:SHOWN_TEXT]}…")
