"""Pops over HTTP in a closed loop, auto-acknowledged or acknowledged by a second request.

They read the messages of `reading.py`, from servers whose tables do not grow.
"""

import math
from dataclasses import dataclass
from functools import partial

import msgspec

from loadtests.ceiling import own_client
from loadtests.ceiling.account import disagreement, settled
from loadtests.ceiling.bench import Bench
from loadtests.ceiling.cells import counted
from loadtests.ceiling.cells.one_server import OneServer
from loadtests.ceiling.cells.reading import FILLED_MSG_S, QUEUE, Turns, fill, rewind
from loadtests.ceiling.servers import RunningServer
from loadtests.ceiling.window import Asked, Measured
from loadtests.ceiling.wrk import WrkRun
from loadtests.results import CeilingCell
from loadtests.sweep.http_client import KeptConnection

POP_PATH = f"/api/v1/pop/queue/{QUEUE}?batch="
WAITING = "&wait=true&timeout=20000"
ACK_PATH = "/api/v1/ack/batch"


@dataclass(frozen=True)
class HttpPop(OneServer):
    """`connections` consumers of `server` that take `batch` messages at a time.

    Those that acknowledge wait (a long poll) while others have leases on all partitions, as consumers do.
    They read in queue mode, and no group goes on behind it: whoever waits could not, and they are slower.
    """

    batch: int
    connections: int
    ack: bool = False

    @property
    def key(self) -> str:
        """For instance `pop-b100-c64@coalesce-w2-p20-read`."""
        return f"pop{'-ack' * self.ack}-b{self.batch}-c{self.connections}@{self.server.label}"

    @property
    def described(self) -> CeilingCell:
        what = "pop, then ack," if self.ack else "pop autoAck"
        return CeilingCell(
            key=self.key,
            group="server",
            kind="pop, then ack" if self.ack else "pop",
            label=f"{what} ×{self.batch}, {counted(self.connections, 'client')}, {self.server.label}",
        )

    async def prepare(self, bench: Bench) -> None:
        """Fill the partitions and register the groups."""
        first = 3 * self.connections * self.batch  # before the window opens, and under way at its end
        await fill(bench.servers[self.server], math.ceil(FILLED_MSG_S * bench.load_s) + first)

    async def measure(self, bench: Bench, asked: Asked) -> Measured:
        """Set the cursors back, pop, then see that they have moved as far as was answered."""
        server = bench.servers[self.server]
        turns = await rewind(server)
        before = await server.consumed(QUEUE)
        measured = await self._load(server, turns, bench, asked)
        consumed = await settled(partial(server.consumed, QUEUE), server.busy_s) - before
        checked = measured.checked(
            disagreement(consumed, measured.run_messages, cut=self.connections * self.batch)
        )
        one_group = self.ack or bench.wrk is None
        if consumed >= (turns.messages if one_group else turns.capacity):
            return checked.with_fault("every message was read before the end")
        return checked

    async def _load(self, server: RunningServer, turns: Turns, bench: Bench, asked: Asked) -> Measured:
        path = f"{POP_PATH}{self.batch}"
        if self.ack:
            return await pops(server.url, path + WAITING, self.connections, bench, asked, ack=True)
        return await pops(server.url, path + "&autoAck=true", self.connections, bench, asked, turns=turns)


async def pops(
    url: str,
    path: str,
    connections: int,
    bench: Bench,
    asked: Asked,
    *,
    ack: bool = False,
    turns: Turns | None = None,
) -> Measured:
    """Pops of that path in a closed loop, by wrk where it is installed. Raises `ChildFailed`.

    `turns`: the groups that read; only wrk goes on with a second one. None: the path names whoever reads.
    """
    if bench.wrk is None:
        exchange = pop_and_ack if ack else pop
        if turns is not None:
            path = f"{path}&consumerGroup={turns.groups[0]}"
        return await own_client.closed_loop(url, connections, partial(exchange, path), asked)
    options = {"path": path}
    if turns is not None:
        options |= {"groups": ",".join(turns.groups), "group_messages": str(turns.messages)}
    run = WrkRun(
        program=bench.wrk,
        script="pop_ack.lua" if ack else "pop.lua",
        url=url,
        connections=connections,
        options=options,
        log=bench.staging / f"wrk-pop-{asked.tag}.log",
    )
    return (await run.carry_out(asked)).measured(each=None)


class Message(msgspec.Struct, rename="camel"):
    """As much of a popped message as an ack needs."""

    transaction_id: str
    partition_id: str
    lease_id: str


class Delivery(msgspec.Struct):
    """As much of a pop's answer."""

    messages: list[Message]


class Acked(msgspec.Struct):
    """As much of an ack's answer, for each message."""

    success: bool


async def pop(path: str, connection: KeptConnection) -> int:
    """One auto-acknowledged pop; returns its messages."""
    return len(_messages(await connection.get(path)))


async def pop_and_ack(path: str, connection: KeptConnection) -> int:
    """One pop and the ack of all that came; returns how many were acknowledged."""
    messages = _messages(await connection.get(path))
    if not messages:
        return 0
    answer = await connection.post(ACK_PATH, msgspec.json.encode({"acknowledgments": messages}))
    return sum(acked.success for acked in msgspec.json.decode(answer, type=list[Acked]))


def _messages(body: bytes) -> list[Message]:
    """Those of an answer; none when it has no body."""
    return msgspec.json.decode(body, type=Delivery).messages if body else []
