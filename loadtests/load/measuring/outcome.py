"""What an answer to a push means for its messages: stored, certainly not stored, or nobody knows.

Follows `queen/errors.py`: `outcome_unknown` is the one code after which a message may be stored. For a
server that is not ours (no `code`) the status decides, and a 5xx other than 503 leaves doubt.
"""

import enum
from collections import Counter

import msgspec
from msgspec import Struct

QUEUED_ITEM = b'"status":"queued"'  # as compact JSON has it; a quote inside a string is escaped
TEXT_LIMIT = 200  # characters of an error text that are kept
OUTCOME_UNKNOWN = "outcome_unknown"


class Fate(enum.Enum):
    """What became of one message, as far as the producer can know."""

    ACKNOWLEDGED = "acknowledged"
    DUPLICATE = "duplicate"  # stored before: by an earlier try with the same transactionId
    REFUSED = "refused"  # certainly not stored
    UNKNOWN = "unknown"


class PushOutcome(Struct, frozen=True):
    """One push: the fate of its messages, in their order, and how to name the failure.

    `fates` is one fate for all messages, or one for each. `code` is empty for a success.
    """

    fates: tuple[Fate, ...]
    status: int = 0  # HTTP status; 0: no answer
    code: str = ""
    text: str = ""

    @property
    def acknowledged(self) -> bool:
        """Whether every message is stored, now or by an earlier try: no failure, so `code` is empty."""
        return not self.code

    @property
    def worst(self) -> Fate:
        """The fate that the whole request is counted under."""
        return max(self.fates, key=_SEVERITY.index)


_SEVERITY = (Fate.ACKNOWLEDGED, Fate.DUPLICATE, Fate.REFUSED, Fate.UNKNOWN)
ALL_QUEUED = PushOutcome((Fate.ACKNOWLEDGED,), 201)


class _Item(Struct):
    status: str = ""
    error: str | None = None


class _Error(Struct):
    error: str = ""
    code: str = ""


_ITEM_FATES = {
    "queued": Fate.ACKNOWLEDGED,
    "duplicate": Fate.DUPLICATE,
    "failed": Fate.REFUSED,
}
_items = msgspec.json.Decoder(list[_Item])
_error = msgspec.json.Decoder(_Error)


def classify(status: int, body: bytes, batch: int) -> PushOutcome:
    """Judge the answer to a push of `batch` messages."""
    if status in (200, 201):
        if body.count(QUEUED_ITEM) == batch:
            return ALL_QUEUED
        return _judge_items(status, body, batch)
    error = _decode_error(body)
    code = error.code or f"http_{status}"
    fate = Fate.REFUSED if _certainly_not_stored(status, code) else Fate.UNKNOWN
    return PushOutcome((fate,), status, code, error.error[:TEXT_LIMIT])


def not_sent(text: str) -> PushOutcome:
    """The request never left: nothing is stored."""
    return PushOutcome((Fate.REFUSED,), 0, "not_sent", text[:TEXT_LIMIT])


def no_answer(text: str) -> PushOutcome:
    """The request was written and no answer came."""
    return PushOutcome((Fate.UNKNOWN,), 0, "no_answer", text[:TEXT_LIMIT])


def refused_for_now(status: int, body: bytes) -> bool:
    """Whether the server says that it did nothing, so that the same request can be sent again."""
    return status in (429, 503) and _decode_error(body).code != OUTCOME_UNKNOWN


def _certainly_not_stored(status: int, code: str) -> bool:
    return 400 <= status < 500 or (status == 503 and code != OUTCOME_UNKNOWN)


def _judge_items(status: int, body: bytes, batch: int) -> PushOutcome:
    try:
        items = _items.decode(body)
    except msgspec.MsgspecError as error:
        return PushOutcome((Fate.UNKNOWN,), status, "bad_answer", str(error)[:TEXT_LIMIT])
    if len(items) != batch:
        return PushOutcome((Fate.UNKNOWN,), status, "bad_answer", f"{len(items)} items for {batch} messages")
    fates = tuple(_ITEM_FATES.get(item.status, Fate.UNKNOWN) for item in items)
    odd = [item for item, fate in zip(items, fates, strict=True) if fate in (Fate.REFUSED, Fate.UNKNOWN)]
    if not odd:
        return PushOutcome(fates, status)
    statuses = Counter(item.status for item in odd)
    text = odd[0].error or ", ".join(f"{count} {name}" for name, count in statuses.items())
    return PushOutcome(fates, status, f"item_{odd[0].status or 'without_status'}", text[:TEXT_LIMIT])


def _decode_error(body: bytes) -> _Error:
    try:
        return _error.decode(body)
    except msgspec.MsgspecError:
        return _Error(error=body[:TEXT_LIMIT].decode("utf-8", "replace"))
