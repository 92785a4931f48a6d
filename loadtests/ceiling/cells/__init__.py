"""One kind of cell a module. What they share: ten partitions, payloads of 300 bytes."""

PARTITIONS = 10
PAYLOAD_BYTES = 300
