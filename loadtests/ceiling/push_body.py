"""The body of a push as a template: what changes with each request is marked, the rest is rendered once.

Payloads are seeded random text of the asked size, as the Locust users send them, so that nothing on the way
can compress them.
"""

import json
import random

NUMBER, PARTITION = "\x01", "\x02"
FILLING = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def payload(payload_bytes: int, item: int, randomness: random.Random) -> str:
    """One JSON payload of that size (or of its least size, when that is larger)."""
    bare = json.dumps({"item": item, "text": ""}, separators=(",", ":"))
    text = "".join(randomness.choices(FILLING, k=payload_bytes - len(bare)))
    return json.dumps({"item": item, "text": text}, separators=(",", ":"))


def push_template(queue: str, batch: int, payload_bytes: int, seed: int) -> str:
    """`batch` items for the partition `pPARTITION`; their transactionIds are NUMBER-0, NUMBER-1 and so on."""
    randomness = random.Random(seed)
    items = [
        f'{{"queue":"{queue}","partition":"p{PARTITION}","transactionId":"{NUMBER}-{item}",'
        f'"payload":{payload(payload_bytes, item, randomness)}}}'
        for item in range(batch)
    ]
    return f'{{"items":[{",".join(items)}]}}'
