"""Request targets: which path they name, and percent-decoding of path segments and queries.

RFC 9112 §3.2 (origin-form, absolute-form, asterisk-form), RFC 3986 §2.1 (percent-encoding). Names are
UTF-8; an invalid percent-encoding or invalid UTF-8 is a `BadRequest`, never a guess.
"""

import functools
import re
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import unquote_to_bytes

import msgspec

from queen.errors import BadRequest

_ABSOLUTE = re.compile(r"https?://[^/?]*+", re.IGNORECASE)
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Target(msgspec.Struct, frozen=True):
    """What a request asks for. `path` is still percent-encoded; the query is decoded."""

    path: str
    query: Mapping[str, str]


@functools.lru_cache(maxsize=512)
def read_target(target: str) -> Target:
    """Path and query of a target. Raises `BadRequest`. The last ones are kept: clients repeat themselves."""
    path, query = split_target(target)
    return Target(path, MappingProxyType(decode_query(query)))


def split_target(target: str) -> tuple[str, str]:
    """Path and query of a target, both still percent-encoded; the path starts with "/" or is "*"."""
    if not target.startswith("/") and target != "*":
        absolute = _ABSOLUTE.match(target)
        if absolute is None:
            raise BadRequest("the request target is neither a path nor an http URL")
        rest = target[absolute.end() :]
        target = rest if rest.startswith("/") else "/" + rest
    path, _, query = target.partition("?")
    return path, query


def decode_percent(text: str) -> str:
    """Decode one path segment. "+" stays "+". Raises `BadRequest`."""
    if "%" not in text:
        return text
    wrong = _BAD_PERCENT.search(text)
    if wrong is not None:
        raise BadRequest(f"invalid percent-encoding at {text[wrong.start() : wrong.start() + 3]!r}")
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise BadRequest("percent-encoded text is not UTF-8") from None


def decode_query(query: str) -> dict[str, str]:
    """Decode `a=1&b=x+y`; "+" is a space, the last of a repeated name wins. Raises `BadRequest`."""
    if not query:
        return {}
    pairs = (pair.partition("=") for pair in query.replace("+", " ").split("&") if pair)
    return {decode_percent(name): decode_percent(value) for name, _, value in pairs}
