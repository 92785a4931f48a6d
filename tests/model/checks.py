"""An answer beside what the model says it must be. `Differs` is raised where the two part."""

from collections.abc import Sequence

from tests.conformance import answers as told

from .operations import Acked, Delivered, Stored

# What a client reads for each outcome of an ack; the words that the contract fixes.
ERRORS = {
    "unresolved": "unresolved transactionId",
    "lease": "Invalid or expired lease",
    "superseded": "superseded by an earlier failed or retry in this request",
    "committed": "already committed",
    "unregistered": "never popped",
    "unknown status": "unknown status",
}


class Differs(AssertionError):
    """The server said something else than the model."""


def same(what: str, said: object, due: object) -> None:
    """Both are equal."""
    if said != due:
        raise Differs(f"{what}: the server said {said!r}, it must be {due!r}")


def check_push(said: told.Pushed | told.Step, due: Stored) -> None:
    """A push's item. A new message takes its ids from the answer."""
    same("status", said.status, "duplicate" if due.duplicate else "queued")
    due.learn(said.transaction_id, said.message_id or "", said.partition_id or "")
    same(
        "pushed",
        (said.transaction_id, said.message_id, said.partition_id),
        (due.message.transaction_id, due.message.id, due.partition.uuid),
    )


def check_message(said: told.Message, due: Delivered, lease_id: str, group: str) -> None:
    """A message of a delivery."""
    same(
        "delivered",
        said,
        told.Message(
            id=due.message.id,
            transaction_id=due.message.transaction_id,
            trace_id=None,
            data=due.message.payload,
            producer_sub=None,
            created_at=said.created_at,
            partition_id=due.partition.uuid,
            partition=due.partition.name,
            lease_id=lease_id,
            consumer_group=group,
            retry_count=due.retry_count,
            lease_expiries=due.lease_expiries,
        ),
    )


def check_ack(said: told.Acked, due: Acked) -> None:
    """An ack's item."""
    check_outcome(said.success, said.error, due)
    where = None if due.partition is None else (due.partition.queue, due.partition.name)
    same("partition", (said.queue_name, said.partition_name), where or (None, None))
    same("noop", said.noop is True, due.outcome == "noop")
    same("dead letter, lease released", (said.dlq, said.lease_released), (due.dead, due.released))


def check_outcome(success: bool, error: str | None, due: Acked) -> None:
    """Accepted without a word, or refused with the contract's."""
    wanted = ERRORS.get(due.outcome)
    if success != due.accepted or (error is None) != (wanted is None) or (wanted or "") not in (error or ""):
        raise Differs(f"ack: the server said {success}, {error!r}; it must be {due}")


def check_transaction(said: told.Transacted, due: Sequence[Stored | Acked] | None) -> None:
    """A transaction's answer: a result for each step, up to the first that is refused."""
    if due is None:
        same("required lease", (said.success, said.results), (False, []))
        same("error", "Invalid or expired lease" in (said.error or ""), True)
        return
    done = []
    for step in due:
        if isinstance(step, Acked) and not step.accepted:
            check_outcome(said.success, said.error, step)
            break
        done.append(step)
    else:
        same("done", (said.success, said.error), (True, None))
    for result, step in zip(said.results, done, strict=True):
        if isinstance(step, Stored):
            same("type", result.type, "push")
            check_push(result, step)
        else:
            same(
                "ack", (result.type, result.success, result.error, result.dlq), ("ack", True, None, step.dead)
            )
