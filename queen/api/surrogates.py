r"""Halves of surrogate pairs in a body: RFC 8259 §8.2 lets a string hold the escape of one, msgspec does not.

Only a body that the decoder refused comes here. In it each such escape is disguised: `\ud800` becomes
`\ufdd0d800`, a character that stands nowhere else in the body and four letters. After decoding the payloads
get their escapes back, so that they pass through as they came; a name or an id must not hold one.
"""

import re
from typing import Any

import msgspec

from queen.errors import BadRequest

# One escape; a pair is one as well. The group is there when it is a half without its other half.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u([dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_NONCHARACTERS = tuple(map(chr, range(0xFDD0, 0xFDF0)))  # Unicode §23.7: in no text that is exchanged


class Disguise:
    """A body that can be decoded, and how to get back what it hides."""

    def __init__(self, body: bytes, character: str) -> None:
        code = b"%04x" % ord(character)
        self.body = _ESCAPE.sub(lambda found: b"\\u" + code + found[1] if found[1] else found[0], body)
        self._character = character
        self._escape = b"\\u" + code

    def off(self, value: Any) -> Any:
        """The decoded value with its payloads as they came. Raises `BadRequest` for text with half a pair."""
        if isinstance(value, msgspec.Raw):
            return msgspec.Raw(bytes(value).replace(self._escape, b"\\u"))
        if isinstance(value, str) and self._character in value:
            raise BadRequest("a name or an id must not contain half of a surrogate pair")
        if isinstance(value, list):
            return [self.off(each) for each in value]
        if isinstance(value, dict):
            return {self.off(key): self.off(each) for key, each in value.items()}
        if isinstance(value, msgspec.Struct):
            fields = type(value).__struct_fields__
            return type(value)(**{name: self.off(getattr(value, name)) for name in fields})
        return value


def disguise(body: bytes) -> Disguise | None:
    """The body in disguise; None when it holds no half of a pair, or nothing is left to hide one behind."""
    if not any(found[1] for found in _ESCAPE.finditer(body)):
        return None
    folded = body.lower()
    for character in _NONCHARACTERS:
        if b"\\u%04x" % ord(character) not in folded and character.encode() not in body:
            return Disguise(body, character)
    return None
