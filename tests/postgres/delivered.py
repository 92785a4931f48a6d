"""What a delivery holds: its messages, read as the struct that describes them to clients."""

import msgspec

from queen.api.pop import MessageOut
from queen.core.pop import Delivery
from queen.core.store import Claimed


def messages(delivery: Delivery | None) -> list[MessageOut]:
    """The messages of a delivery in order; none when there was no delivery."""
    if delivery is None:
        return []
    return [message for claimed in delivery.claimed for message in read(claimed)]


def read(claimed: Claimed) -> list[MessageOut]:
    """The messages of one partition, as many as it says."""
    found = msgspec.json.decode(f"[{claimed.objects}]", type=list[MessageOut])
    assert len(found) == claimed.messages
    return found
