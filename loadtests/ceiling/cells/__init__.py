"""One kind of cell a module. What they share: ten partitions, payloads of 300 bytes, how they count."""

PARTITIONS = 10
PAYLOAD_BYTES = 300


def counted(number: int, noun: str) -> str:
    """`1 client`, `1,000 clients`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
