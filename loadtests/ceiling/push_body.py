"""The body of a push as a template: what changes with each request is marked, the rest is rendered once.

The transactionIds are "counting" (a name of the run and a number, with leading zeros), "uuid7" (of the time
of the request) or "uuid4" (random).

Payloads are seeded random text of the asked size, as the Locust users send them, so that nothing on the way
can compress them.
"""

import json
import random
from typing import Literal

Ids = Literal["counting", "uuid7", "uuid4"]
NUMBER, PARTITION, UUID = "\x01", "\x02", "\x03"
FILLING = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def name(tag: str, number: int) -> str:
    """A transactionId that counts: behind smaller numbers, and all of the windows before (`w9-…`, `w10-…`).

    So the database looks none of them up (`queen.comes_after`), whoever sends them: wrk makes the same.
    """
    return f"{tag}-{number:09d}"


def payload(payload_bytes: int, item: int, randomness: random.Random) -> str:
    """One JSON payload of that size (or of its least size, when that is larger)."""
    bare = json.dumps({"item": item, "text": ""}, separators=(",", ":"))
    text = "".join(randomness.choices(FILLING, k=payload_bytes - len(bare)))
    return json.dumps({"item": item, "text": text}, separators=(",", ":"))


def push_template(queue: str, batch: int, payload_bytes: int, seed: int, ids: Ids = "counting") -> str:
    """`batch` items for the partition `pPARTITION`, each with a NUMBER or a UUID."""
    randomness = random.Random(seed)
    transaction = NUMBER if ids == "counting" else UUID
    items = [
        f'{{"queue":"{queue}","partition":"p{PARTITION}","transactionId":"{transaction}",'
        f'"payload":{payload(payload_bytes, item, randomness)}}}'
        for item in range(batch)
    ]
    return f'{{"items":[{",".join(items)}]}}'
