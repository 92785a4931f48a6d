"""JSON at the edge: bytes → typed structs, typed answers → bytes, and what a wrong body is called.

Payloads pass through as the bytes that came in: checked for being JSON in UTF-8, never re-serialised.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, overload
from uuid import UUID

import msgspec

from queen.api.surrogates import disguise
from queen.errors import BadRequest
from queen.http.message import Response


def null() -> msgspec.Raw:
    """What a payload is that was not given. As a factory: a schema cannot show a `Raw` as a default."""
    return msgspec.Raw(b"null")


class Decoder:
    """Decodes one kind of body.

    `texts`: for a field that is missing or of the wrong type, the words that the contract has for it.
    """

    def __init__(self, kind: type[Any], texts: Mapping[str, str]) -> None:
        self._decoder = msgspec.json.Decoder(kind)
        self._texts = texts

    def decode(self, body: bytes) -> Any:
        """Raises `BadRequest` with the place in the body where it is wrong."""
        if not body:
            raise BadRequest("Empty request body")
        try:
            if not body.isascii():
                body.decode()  # all of it must be UTF-8: msgspec does not look into payloads
            try:
                return self._decoder.decode(body)
            except msgspec.ValidationError:
                raise
            except msgspec.DecodeError as error:
                return self._decode_disguised(body, error)
        except msgspec.ValidationError as error:
            raise BadRequest(self._worded(str(error))) from None
        except UnicodeDecodeError as error:
            raise BadRequest(f"Invalid JSON: not UTF-8 at byte {error.start}") from None
        except msgspec.DecodeError as error:
            raise BadRequest(f"Invalid JSON: {error}") from None
        except RecursionError:
            raise BadRequest("Invalid JSON: nested too deeply") from None

    def _decode_disguised(self, body: bytes, error: msgspec.DecodeError) -> Any:
        """Raises the error of the body as it is, where no disguise helps."""
        disguised = disguise(body)
        if disguised is None:
            raise error
        return disguised.off(self._decoder.decode(disguised.body))

    def _worded(self, said: str) -> str:
        """msgspec says "Object missing required field `queue` - at `$.items[...]`" or "… - at `$.queue`"."""
        field = _MISSING.search(said) or _PLACE.search(said)
        text = self._texts.get(field[1]) if field else None
        return f"{text} ({said})" if text else said


_MISSING = re.compile(r"required field `(\w+)`")
_PLACE = re.compile(r"(\w+)(?:\[\.\.\.\])*`$")


def uuid_of(value: str, field: str) -> UUID:
    """Parse a UUID. Raises `BadRequest` that names the field."""
    try:
        return UUID(value)
    except ValueError:
        raise BadRequest(f"{field} must be a UUID") from None


def text_of(value: str, field: str, most: int = 255) -> str:
    """Check a name or id that PostgreSQL must be able to hold. Raises `BadRequest`."""
    if len(value) > most:
        raise BadRequest(f"{field} is longer than {most} characters")
    if "\x00" in value:
        raise BadRequest(f"{field} must not contain the character U+0000")
    return value


@overload
def milliseconds(moment: datetime) -> str: ...


@overload
def milliseconds(moment: datetime | None) -> str | None: ...


def milliseconds(moment: datetime | None) -> str | None:
    """A time as every route but pop gives it: UTC, milliseconds and Z."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def answer(value: object, status: int = 200) -> Response:
    """A JSON response."""
    return Response(status, msgspec.json.encode(value))
