"""How notices look on the wire: JSON texts, each short enough for one NOTIFY.

    {"type":"hello","from":"6f1c…"}     I listen from now on. Is anybody there?
    {"type":"here","from":"90ab…","waiting":true}      the answer: yes; and also: polls wait here
    {"type":"changed","from":"90ab…","changes":[{"queue":"orders","group":null,"partitions":["a","b"]}]}

`partitions` null: more than are named; `group` null: for every group; `changes` null: anything may have
changed. `from` tells processes apart, so that a process can ignore itself - and hear itself.
"""

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from queen.core.notices import Change

MOST_BYTES = 7_900  # PostgreSQL takes less than 8,000 (NOTIFY_PAYLOAD_MAX_LENGTH)


class Hello(Struct, frozen=True, tag="hello"):
    """A process has begun to listen."""

    sender: str = msgspec.field(name="from")


class Here(Struct, frozen=True, tag="here"):
    """A process has heard a hello, or has polls that wait for what the others change.

    `waiting` has no default. No released version leaves it out, and to guess yes would be believed but for a
    while, since such a process does not repeat it; its polls find by themselves, in a second, what they are
    not told.
    """

    sender: str = msgspec.field(name="from")
    waiting: bool


class Changed(Struct, frozen=True, tag="changed"):
    """A process has committed changes."""

    sender: str = msgspec.field(name="from")
    changes: tuple[Change, ...] | None


Notice = Hello | Here | Changed

_encode = msgspec.json.Encoder().encode
_decoder: msgspec.json.Decoder[Notice] = msgspec.json.Decoder(Notice)


def encode(notice: Notice) -> str:
    """The text of a notice that is short by itself."""
    return _encode(notice).decode()


def decode(text: str) -> Notice:
    """Raises ValueError for what is none of these."""
    try:
        return _decoder.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("nested too deeply") from None


def encode_changes(sender: str, changes: Sequence[Change]) -> Iterator[str]:
    """As few texts as hold them all; a change that does not fit into one goes without its partitions."""
    room = MOST_BYTES - len(_encode(Changed(sender, ())))
    parcel: list[Change] = []
    used = 0
    for change in changes:
        fitting, size = _fitted(change, room)
        if parcel and used + size > room:
            yield encode(Changed(sender, tuple(parcel)))
            parcel, used = [], 0
        parcel.append(fitting)
        used += size
    if parcel:
        yield encode(Changed(sender, tuple(parcel)))


def _fitted(change: Change, room: int) -> tuple[Change, int]:
    """The change, without partitions if it must be, and its bytes with the comma before the next."""
    size = len(_encode(change)) + 1
    if size <= room:
        return change, size
    nameless = msgspec.structs.replace(change, partitions=None)
    return nameless, len(_encode(nameless)) + 1
