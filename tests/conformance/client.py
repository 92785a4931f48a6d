"""What a client of the queue does, in the words of the contract: push, pop, ack, and the rest."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote, urlencode

from .answers import Acked, Configured, Delivery, Message, Pushed
from .http_client import Answer, Connecting

NOBODY = "0190a000-0000-7000-8000-00000000dead"  # no partition, message or lease has this id
DONE = (True, None)


def segment(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")


def ids(messages: Iterable[Message]) -> list[str]:
    """Their transactionIds, in order."""
    return [message.transaction_id for message in messages]


def item(message: Message, status: str = "completed", **more: object) -> dict[str, object]:
    """The acknowledgement of a message that was popped; `more` replaces or adds fields."""
    return {
        "transactionId": message.transaction_id,
        "partitionId": message.partition_id,
        "leaseId": message.lease_id,
        "status": status,
        **more,
    }


class Asker(Protocol):
    """Whoever carries requests to a server: a kept connection, or a new one for each."""

    @property
    def url(self) -> str:
        """Where the server is."""
        ...

    async def ask(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request."""
        ...


def outcomes(acked: Iterable[Acked]) -> list[tuple[bool, str | None]]:
    """Success and error of each acknowledgement; `DONE` is how a good one ends."""
    return [(one.success, one.error) for one in acked]


@dataclass(frozen=True)
class Client:
    """The endpoints of one server."""

    asker: Asker

    @classmethod
    def of(cls, url: str, headers: Mapping[str, str] | None = None) -> "Client":
        """A client that opens a connection for every request, and sends these headers with it."""
        return cls(Connecting(url, headers or {}))

    @property
    def url(self) -> str:
        """Where the server is."""
        return self.asker.url

    async def ask(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request."""
        return await self.asker.ask(method, path, body, headers)

    async def get(self, path: str) -> Answer:
        return await self.ask("GET", path)

    async def post(self, path: str, body: object = None) -> Answer:
        return await self.ask("POST", path, body)

    async def delete(self, path: str) -> Answer:
        return await self.ask("DELETE", path)

    async def push(self, *items: Mapping[str, object]) -> list[Pushed]:
        """Store; the test fails when the server refuses."""
        return (await self.post("/api/v1/push", {"items": items})).as_(list[Pushed], 201)

    async def ack(self, *items: Mapping[str, object], group: str | None = None) -> list[Acked]:
        """Acknowledge together."""
        body = {"acknowledgments": items, "consumerGroup": group}
        return (await self.post("/api/v1/ack/batch", body)).as_(list[Acked])

    async def ack_one(self, one: Mapping[str, object], group: str | None = None) -> Acked:
        """Acknowledge one message by itself."""
        answer = await self.post("/api/v1/ack", {**one, "consumerGroup": group})
        [acked] = answer.as_(list[Acked])
        return acked


@dataclass(frozen=True)
class Queue:
    """One queue of one server."""

    client: Client
    name: str

    def seen_by(self, client: Client) -> "Queue":
        """The same queue, for another client."""
        return Queue(client, self.name)

    @property
    def path(self) -> str:
        """Its name as it stands in a path."""
        return segment(self.name)

    async def configure(self, **options: object) -> Configured:
        """Set every option anew; names as in the contract (leaseTime=1)."""
        body = {"queue": self.name, "options": options}
        return (await self.client.post("/api/v1/configure", body)).as_(Configured)

    def message(self, transaction_id: str, partition: str = "Default", **more: object) -> dict[str, object]:
        """An item to push."""
        return {"queue": self.name, "partition": partition, "transactionId": transaction_id, **more}

    async def push(self, *transaction_ids: str, partition: str = "Default") -> list[Pushed]:
        """Store messages with these ids, in this order."""
        return await self.client.push(*(self.message(each, partition) for each in transaction_ids))

    def pop_path(self, partition: str | None = None, **query: object) -> str:
        """The target of a pop; `query` in the names of the contract (consumerGroup="g")."""
        place = "" if partition is None else f"/partition/{segment(partition)}"
        given = {name: str(value).lower() if value is True else value for name, value in query.items()}
        return f"/api/v1/pop/queue/{self.path}{place}" + (f"?{urlencode(given)}" if given else "")

    async def pop_answer(self, partition: str | None = None, **query: object) -> Answer:
        """A pop's answer as it comes."""
        return await self.client.get(self.pop_path(partition, **query))

    async def deliver(self, partition: str | None = None, **query: object) -> Delivery:
        """A pop that must find something."""
        return (await self.pop_answer(partition, **query)).as_(Delivery)

    async def pop(self, batch: int = 1, partition: str | None = None, **query: object) -> list[Message]:
        """A pop's messages; empty when it was answered with 204."""
        answer = await self.pop_answer(partition, batch=batch, **query)
        return [] if answer.status == 204 else answer.as_(Delivery).messages
