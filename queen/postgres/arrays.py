"""Arrays of integers, texts, JSON texts and UUIDs as parameters and results, in PostgreSQL's binary format.

asyncpg takes nested arrays, too, and asks of each element whether it is a container itself, by two abstract
base classes: three times for a message, and it shows (docs/performance.md). Ours are flat.

Nor does asyncpg know the types of arrays: on each new connection it asks the catalog for them before the
first statement that has one, a query that takes longer than connecting and pushing. The statements that move
messages have no other arrays than these, so there it has nothing to ask.

The format (array_send and array_recv in src/backend/utils/adt/arrayfuncs.c), integers big-endian: dimensions,
whether there are nulls, the elements' type; then for the one dimension its length and first index; then each
element, its length (-1: null) before it.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from typing import Any, NamedTuple
from uuid import UUID

_HEAD = struct.Struct(">iiI")  # dimensions, nulls, element type
_DIMENSION = struct.Struct(">ii")  # length, first index
_LENGTH = struct.Struct(">i")
_NULL = _LENGTH.pack(-1)
_UUID_BYTES = 16
_UUID_LENGTH = _LENGTH.pack(_UUID_BYTES).hex()

_INT4 = struct.Struct(">i")
_INT8 = struct.Struct(">q")
_INT4_ELEMENT = struct.Struct(">ii")  # its length before it
_INT8_ELEMENT = struct.Struct(">iq")

_INTEGER, _BIGINT, _TEXT, _JSON, _UUID = 23, 20, 25, 114, 2950  # object ids (src/include/catalog/pg_type.dat)


class _Kind(NamedTuple):
    """An array type, and what it is encoded and decoded by."""

    name: str
    oid: int
    encode: Callable[[Sequence[Any]], bytes]
    decode: Callable[[bytes], list[Any]]


def encode_integers(values: Sequence[int | None]) -> bytes:
    """Raises struct.error for what is no integer of 32 bits."""
    return _integers(_INTEGER, _INT4, _INT4_ELEMENT, values)


def encode_bigints(values: Sequence[int | None]) -> bytes:
    """Raises struct.error for what is no integer of 64 bits."""
    return _integers(_BIGINT, _INT8, _INT8_ELEMENT, values)


def encode_texts(values: Sequence[str | None]) -> bytes:
    """Raises UnicodeEncodeError for half a surrogate pair, and AttributeError for what is no text."""
    try:
        encoded = [value.encode() for value in values]  # type: ignore[union-attr]
    except AttributeError:  # a null among them, which is rare
        return _with_nulls(_TEXT, [None if value is None else value.encode() for value in values])
    return _without_nulls(_TEXT, encoded)


def encode_json(values: Sequence[bytes | None]) -> bytes:
    """JSON texts in UTF-8, as they are."""
    try:
        return _without_nulls(_JSON, values)  # type: ignore[arg-type]
    except TypeError:  # a null among them
        return _with_nulls(_JSON, values)


def encode_uuids(values: Sequence[str | UUID | None]) -> bytes:
    """UUIDs, or texts of them, which must be of our own making (`queen.core.ids`): not each is looked at.

    Raises ValueError for texts with anything but digits and hyphens, or with digits for more or fewer UUIDs.
    """
    try:
        digits = _UUID_LENGTH.join(["", *values]).replace("-", "")  # type: ignore[list-item]
    except TypeError:  # they are not all texts
        return _with_nulls(_UUID, [None if value is None else _uuid_bytes(value) for value in values])
    elements = bytes.fromhex(digits)
    if len(elements) != (_LENGTH.size + _UUID_BYTES) * len(values):
        raise ValueError("digits for more or fewer UUIDs than there are texts")
    return _head(_UUID, len(values), nulls=False) + elements


def _uuid_bytes(value: str | UUID) -> bytes:
    return (UUID(value) if isinstance(value, str) else value).bytes


def decode_integers(data: bytes) -> list[int | None]:
    """The integers of an array, of 32 bits or of 64."""
    return [None if element is None else int.from_bytes(element, signed=True) for element in _elements(data)]


def decode_texts(data: bytes) -> list[str | None]:
    """The texts, or JSON texts, of an array."""
    return [None if element is None else str(element, "utf-8") for element in _elements(data)]


def decode_uuids(data: bytes) -> list[UUID | None]:
    """The UUIDs of an array."""
    return [None if element is None else UUID(bytes=element) for element in _elements(data)]


_KINDS = (
    _Kind("_int4", 1007, encode_integers, decode_integers),
    _Kind("_int8", 1016, encode_bigints, decode_integers),
    _Kind("_text", 1009, encode_texts, decode_texts),
    _Kind("_json", 199, encode_json, decode_texts),
    _Kind("_uuid", 2951, encode_uuids, decode_uuids),
)


def use_flat_arrays(connection: Any) -> None:
    """Let this connection of asyncpg encode and decode these arrays as above.

    It is what `set_type_codec` does, which asks the database for the type first and refuses an array's.
    """
    settings = connection._protocol.get_settings()
    for kind in _KINDS:
        settings.add_python_codec(
            kind.oid, kind.name, "pg_catalog", [], "scalar", kind.encode, kind.decode, "binary"
        )


def _head(element_oid: int, length: int, *, nulls: bool) -> bytes:
    if not length:
        return _HEAD.pack(0, 0, element_oid)
    return _HEAD.pack(1, nulls, element_oid) + _DIMENSION.pack(length, 1)


def _integers(
    element_oid: int, one: struct.Struct, element: struct.Struct, values: Sequence[int | None]
) -> bytes:
    if None in values:
        return _with_nulls(element_oid, [None if value is None else one.pack(value) for value in values])
    pieces = map(element.pack, repeat(one.size), values)
    return _head(element_oid, len(values), nulls=False) + b"".join(pieces)


def _without_nulls(element_oid: int, encoded: Sequence[bytes]) -> bytes:
    pieces = [b""] * (2 * len(encoded) + 1)
    pieces[0] = _head(element_oid, len(encoded), nulls=False)
    pieces[1::2] = map(_LENGTH.pack, map(len, encoded))
    pieces[2::2] = encoded
    return b"".join(pieces)


def _with_nulls(element_oid: int, encoded: Sequence[bytes | None]) -> bytes:
    pieces = [_NULL if element is None else _LENGTH.pack(len(element)) + element for element in encoded]
    return _head(element_oid, len(encoded), nulls=True) + b"".join(pieces)


def _elements(data: bytes) -> Iterator[bytes | None]:
    dimensions, _, _ = _HEAD.unpack_from(data)
    if not dimensions:
        return
    if dimensions > 1:
        raise ValueError(f"an array of {dimensions} dimensions")
    length, _ = _DIMENSION.unpack_from(data, _HEAD.size)
    at = _HEAD.size + _DIMENSION.size
    for _ in range(length):
        (size,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        if size < 0:
            yield None
        else:
            yield data[at : at + size]
            at += size
