"""What an answer to a pop brings: messages, and the stretches of our own that they are. Bytes in, no sockets.

A message that is not of this run (the queue may be shared) is acknowledged like any other and enters no
account.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from loadtests.ledger.law import FOREIGN, Stretch

MOST_DIGITS = 18  # of a stamp, or of producer and sequence number together: all are 64-bit numbers


class _Payload(Struct, rename="camel"):
    sent_at_us: msgspec.Raw = msgspec.Raw()


Payload = _Payload | list[msgspec.Raw] | str | bool | float | None


class PoppedMessage(Struct, rename="camel", frozen=True):
    """One message, as far as we read it; any JSON will do as its payload."""

    transaction_id: str
    partition_id: str
    lease_id: str = ""
    partition: str = ""
    data: Payload = None

    @property
    def sent_at_us(self) -> int | None:
        """When its push was due, in µs since the epoch; None: it does not say."""
        stamp = bytes(self.data.sent_at_us) if isinstance(self.data, _Payload) else b""
        return int(stamp) if stamp.isdigit() and len(stamp) <= MOST_DIGITS else None


class _Popped(Struct):
    messages: list[PoppedMessage] = []


_popped = msgspec.json.Decoder(_Popped)


def read_messages(body: bytes) -> list[PoppedMessage]:
    """The messages of an answer. Raises msgspec.MsgspecError."""
    return _popped.decode(body).messages


def stretches(messages: Sequence[PoppedMessage], run_tag: str) -> list[Stretch]:
    """The same messages as stretches, in their order; those that are not ours are producer `FOREIGN`."""
    found: list[Stretch] = []
    start = 0
    places = [_place(message.transaction_id, run_tag) for message in messages]
    for index, (producer, sequence) in enumerate(places, start=1):
        following = places[index] if index < len(places) else None
        same_lane = following is not None and messages[index].partition == messages[start].partition
        if same_lane and producer != FOREIGN and following == (producer, sequence + 1):
            continue
        found.append(Stretch(messages[start].partition, producer, places[start][1], sequence))
        start = index
    return found


def _place(transaction_id: str, run_tag: str) -> tuple[int, int]:
    """Producer and sequence number; `FOREIGN` and 0 of what is not of this run. As in `stored.sql`."""
    tag, _, place = transaction_id.partition("-")
    producer, _, sequence = place.partition("-")
    if tag == run_tag and len(place) <= MOST_DIGITS + 1 and _is_number(producer) and _is_number(sequence):
        return int(producer), int(sequence)
    return FOREIGN, 0


def _is_number(text: str) -> bool:
    """As we write it: digits alone, and no 0 in front of others."""
    return text.isascii() and text.isdigit() and (text == "0" or not text.startswith("0"))
