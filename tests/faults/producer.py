"""A producer: pushes numbered messages, again with the same transactionIds until it is answered."""

import asyncio
from collections.abc import Sequence
from itertools import count

from tests.conformance.answers import Pushed

from .line import Broken, Line
from .records import Outcome, Push, Records, Sent

PAUSE_S = 0.02  # between two pushes: a light load, so that the fault is what is seen
HASTY_TRIES = 1
PATIENT_TRIES = 1_000
PARTITIONS_EACH, MESSAGES_EACH = 2, 2  # of one push


class Producer:
    """One producer. A hasty one gives a push up after one try and goes on with the next."""

    def __init__(
        self, name: str, queue: str, partitions: Sequence[str], records: Records, *, hasty: bool
    ) -> None:
        self._name = name
        self._queue = queue
        self._partitions = partitions
        self._records = records
        self._tries = HASTY_TRIES if hasty else PATIENT_TRIES

    async def run(self, line: Line, stop: asyncio.Event) -> None:
        """Push until the stop; the push in hand comes to its end."""
        for number in count():
            if stop.is_set():
                return
            self._records.pushes.append(await self._push(line, self._messages(number)))
            await asyncio.sleep(PAUSE_S)

    def _messages(self, number: int) -> tuple[Sent, ...]:
        """The messages of push `number`: of two partitions in turn, mixed."""
        first = number * PARTITIONS_EACH
        partitions = [
            self._partitions[(first + step) % len(self._partitions)] for step in range(PARTITIONS_EACH)
        ]
        return tuple(
            Sent(partition, f"{self._name}-{number}-{step}")
            for step in range(MESSAGES_EACH)
            for partition in partitions
        )

    async def _push(self, line: Line, messages: tuple[Sent, ...]) -> Push:
        body = {
            "items": [
                {"queue": self._queue, "partition": each.partition, "transactionId": each.transaction_id}
                for each in messages
            ]
        }
        unknown = 0
        for _ in range(self._tries):
            try:
                answer = await line.ask("push", "POST", "/api/v1/push", body)
            except Broken as broken:
                unknown += broken.sent
                continue
            if answer.status == 503:
                unknown += answer.json["code"] == "outcome_unknown"
                continue
            answers = tuple(each.status for each in answer.as_(list[Pushed], 201))
            return Push(self._name, messages, Outcome.ACKNOWLEDGED, answers, unknown)
        outcome = Outcome.UNKNOWN if unknown else Outcome.REFUSED
        return Push(self._name, messages, outcome, unknown_tries=unknown)
