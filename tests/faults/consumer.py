"""A consumer: polls with a lease and acks in batches; now and then it nacks, or keeps a batch too long."""

import asyncio
from itertools import count
from urllib.parse import urlencode

from tests.conformance.answers import Acked as AckAnswer
from tests.conformance.answers import Delivery, Message

from .line import Broken, Line
from .records import Ack, Acked, Records, Take

POLL_MS = 500
BATCH, PARTITIONS = 20, 2
ACK_TRIES = 3  # as the published clients

EVERY, FAILED, RETRIED = 25, 3, 9  # of so many batches in turn the one that fails, and the one to retry
KEPT = 5  # the batch that a slow consumer keeps beyond its lease, so that its ack comes too late


class Consumer:
    """One consumer of a group."""

    def __init__(self, queue: str, group: str, lease_s: float, records: Records, *, slow: bool) -> None:
        self._queue = queue
        self._group = group
        self._lease_s = lease_s
        self._records = records
        self._slow = slow

    async def run(self, line: Line) -> None:
        """Consume until cancelled."""
        batches = count()
        query = {
            "consumerGroup": self._group,
            "batch": BATCH,
            "partitions": PARTITIONS,
            "wait": "true",
            "timeout": POLL_MS,
        }
        path = f"/api/v1/pop/queue/{self._queue}?{urlencode(query)}"
        while True:
            messages = await self._pop(line, path)
            if messages:
                await self._work(line, messages, next(batches))

    async def _pop(self, line: Line, path: str) -> list[Message]:
        clock = asyncio.get_running_loop().time
        asked_s = clock()
        try:
            answer = await line.ask("pop", "GET", path)
        except Broken:
            return []
        if answer.status in (204, 503):
            return []
        messages = answer.as_(Delivery).messages
        for partition in dict.fromkeys(message.partition for message in messages):
            its = [message for message in messages if message.partition == partition]
            ids = tuple(message.transaction_id for message in its)
            self._records.takes.append(Take(self._group, partition, its[0].lease_id, asked_s, clock(), ids))
        return messages

    async def _work(self, line: Line, messages: list[Message], number: int) -> None:
        if self._slow and number == KEPT:
            await asyncio.sleep(1.1 * self._lease_s)
        statuses = ["completed"] * len(messages)
        if number % EVERY in (FAILED, RETRIED):
            statuses[len(messages) // 2] = "failed" if number % EVERY == FAILED else "retry"
        for _ in range(ACK_TRIES):
            if await self._ack(line, messages, statuses):
                return

    async def _ack(self, line: Line, messages: list[Message], statuses: list[str]) -> bool:
        """One try; whether it was answered."""
        sent_s = asyncio.get_running_loop().time()
        body = {
            "consumerGroup": self._group,
            "acknowledgments": [
                {
                    "transactionId": message.transaction_id,
                    "partitionId": message.partition_id,
                    "leaseId": message.lease_id,
                    "status": status,
                }
                for message, status in zip(messages, statuses, strict=True)
            ],
        }
        answers: list[AckAnswer] | None = None
        try:
            answer = await line.ask("ack", "POST", "/api/v1/ack/batch", body)
            if answer.status != 503:
                answers = answer.as_(list[AckAnswer])
        except Broken:
            pass
        finally:
            self._write_down(messages, statuses, answers, sent_s)
        return answers is not None

    def _write_down(
        self,
        messages: list[Message],
        statuses: list[str],
        answers: list[AckAnswer] | None,
        sent_s: float,
    ) -> None:
        tried = [
            Acked(
                message.transaction_id,
                status,
                answers[index].success if answers else None,
                bool(answers and answers[index].noop),
            )
            for index, (message, status) in enumerate(zip(messages, statuses, strict=True))
        ]
        for partition in dict.fromkeys(message.partition for message in messages):
            items = tuple(
                each for each, message in zip(tried, messages, strict=True) if message.partition == partition
            )
            self._records.acks.append(Ack(partition, messages[0].lease_id, sent_s, items))
