"""What a person may ask of a load at most, and what a server's address and its token look like.

Pure, and without Locust: whoever starts a load as a child process refuses by the same rules as that does.
"""

import re
from urllib.parse import urlsplit

MOST_USERS = 100_000
MOST_NUMBER = 1e9  # of whatever unit: what is larger is a slip of the hand
MOST_PUSHES_S = 1_000_000  # that fall due in a second, of all producers: a process makes some ten thousand
MOST_BODY_BYTES = 64 << 20  # of one push, as a server of ours takes it if nobody says otherwise
MOST_TEXT = 255  # characters, as of the names of queues
SHOWN_TEXT = 60  # characters of a bad value that an error shows

_HOST = re.compile(r"[A-Za-z0-9._:%-]+")
_RUN_TIME = re.compile(r"(\d+)s?|(?=\d)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)


def whole_number(text: str, least: int, most: int) -> int:
    """Read plain digits. Raises ValueError with what was expected."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise ValueError(f"{shown(text)}: expected a whole number, {least:,} to {most:,}")
    return int(text)


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
