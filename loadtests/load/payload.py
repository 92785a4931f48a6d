"""Push bodies: rendered once as a template, then only the sequence numbers are patched in.

Every message is different (it carries its producer and sequence number) and of about the asked size;
the filling is seeded random text, so that neither the network nor PostgreSQL can compress it away.
"""

import json
import random
from itertools import chain

from loadtests.results import transaction_id

TYPICAL_SEQUENCE_DIGITS = 6
FILLING = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_MARK = 987_654_321_987_654  # stands for a sequence number until the template is made


class PushBodies:
    """Bodies of `POST /api/v1/push` for one producer, `batch` messages each, all to one partition.

    `payload_bytes` is the size of one message's JSON payload; sizes too small for producer, sequence
    number and filling give just the sequence number.
    """

    def __init__(
        self,
        *,
        run_tag: str,
        producer: int,
        queue: str,
        partition: str,
        batch: int,
        payload_bytes: int,
        seed: int,
    ) -> None:
        self.batch = batch
        randomness = random.Random(f"{seed}/{producer}")
        items = [
            {
                "queue": queue,
                "partition": partition,
                "transactionId": transaction_id(run_tag, producer, _MARK),
                "payload": _payload(producer, payload_bytes, randomness),
            }
            for _ in range(batch)
        ]
        text = json.dumps({"items": items}, separators=(",", ":"))
        self._template = text.replace("%", "%%").replace(str(_MARK), "%d").encode()

    def body(self, first: int) -> bytes:
        """The body that carries the messages `first` to `first + batch - 1`."""
        sequence = range(first, first + self.batch)
        return self._template % tuple(chain.from_iterable(zip(sequence, sequence, strict=True)))


def _payload(producer: int, payload_bytes: int, randomness: random.Random) -> object:
    """A payload that names its sequence number once."""
    payload = {"producer": producer, "sequence": _MARK, "text": ""}
    bare = len(json.dumps(payload, separators=(",", ":"))) - len(str(_MARK)) + TYPICAL_SEQUENCE_DIGITS
    if payload_bytes < bare:
        return _MARK
    return payload | {"text": "".join(randomness.choices(FILLING, k=payload_bytes - bare))}
