"""Messages as the API hands them to the core."""

from uuid import UUID

from queen.core.ids import uuid7s
from queen.core.store import NewMessage, PartitionName


def new_message(
    partition: PartitionName,
    payload: str,
    transaction_id: str = "",
    trace_id: UUID | None = None,
    message_id: str = "",
) -> NewMessage:
    """A message; an id that is not given is made here."""
    message_id = message_id or new_id()
    return NewMessage(message_id, partition, transaction_id or message_id, trace_id, payload.encode())


def new_id() -> str:
    """The id of a message."""
    return uuid7s(1)[0]
