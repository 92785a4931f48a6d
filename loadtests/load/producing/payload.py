"""Push bodies: rendered once as templates, then only the sequence numbers are patched in.

Every message is different (it carries its producer and sequence number) and of about the asked size;
the filling is seeded random text, so that neither the network nor PostgreSQL can compress it away.
"""

import json
import random
from itertools import chain

from loadtests.load.producing.distribution import Distribution
from loadtests.results import transaction_id

TYPICAL_SEQUENCE_DIGITS = 6
TEMPLATES = 16  # of a producer whose messages differ in size, taken in turn
TEMPLATES_BYTES = 4 << 20  # all of them together; more only if one alone is larger
FILLING = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
STAMP = "sentAtUs"  # in a payload: µs since the epoch at which its push was due
_MARK = 987_654_321_987_654  # stands for a sequence number until the template is made,
_STAMP_MARK = 876_543_210_876_543  # and for the stamp, which has as many digits


class PushBodies:
    """Bodies of `POST /api/v1/push` for one producer, `batch` messages each, all to one partition.

    `sizes` are those of a message's JSON payload in bytes; a size too small for producer, sequence number
    and filling gives just the sequence number. `stamped`: each payload says when its push was due, and so
    is never smaller than that takes.
    """

    def __init__(
        self,
        *,
        run_tag: str,
        producer: int,
        queue: str,
        partition: str,
        batch: int,
        sizes: Distribution,
        stamped: bool,
        seed: int,
    ) -> None:
        self.batch = batch
        self.stamped = stamped
        randomness = random.Random(f"{seed}/{producer}")

        def template() -> bytes:
            items = [
                {
                    "queue": queue,
                    "partition": partition,
                    "transactionId": transaction_id(run_tag, producer, _MARK),
                    "payload": _payload(producer, int(sizes.draw(randomness)), randomness, stamped=stamped),
                }
                for _ in range(batch)
            ]
            text = json.dumps({"items": items}, separators=(",", ":")).replace("%", "%%")
            return text.replace(str(_MARK), "%d").replace(str(_STAMP_MARK), "%d").encode()

        first = template()
        most = 1 if sizes.fixed else min(TEMPLATES, max(1, TEMPLATES_BYTES // len(first)))
        self._templates = [first, *(template() for _ in range(most - 1))]

    def body(self, first: int, stamp_us: int = 0) -> bytes:
        """The body that carries the messages `first` to `first + batch - 1`.

        `stamp_us` is when the push was due, in µs since the epoch; unused unless `stamped`.
        """
        sequence = range(first, first + self.batch)
        template = self._templates[first // self.batch % len(self._templates)]
        if self.stamped:
            patches = zip(sequence, sequence, [stamp_us] * self.batch, strict=True)
            return template % tuple(chain.from_iterable(patches))
        return template % tuple(chain.from_iterable(zip(sequence, sequence, strict=True)))


def _payload(producer: int, payload_bytes: int, randomness: random.Random, *, stamped: bool) -> object:
    """A payload that names its sequence number once."""
    payload: dict[str, object] = {"producer": producer, "sequence": _MARK}
    if stamped:
        payload[STAMP] = _STAMP_MARK
    payload["text"] = ""
    bare = len(json.dumps(payload, separators=(",", ":"))) - len(str(_MARK)) + TYPICAL_SEQUENCE_DIGITS
    if payload_bytes < bare and not stamped:
        return _MARK
    filling = max(0, payload_bytes - bare)
    return payload | {"text": "".join(randomness.choices(FILLING, k=filling))}
