"""Pushes over HTTP in a closed loop: each request carries one batch for one of ten partitions."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from loadtests.ceiling.account import disagreement, settled
from loadtests.ceiling.bench import Bench
from loadtests.ceiling.cells import PARTITIONS, PAYLOAD_BYTES, counted
from loadtests.ceiling.cells.one_server import OneServer
from loadtests.ceiling.locust import LocustPush
from loadtests.ceiling.push_body import Ids, push_template
from loadtests.ceiling.window import Asked, Measured
from loadtests.ceiling.wrk import WrkRun
from loadtests.results import CeilingCell

QUEUE = "ceiling"


@dataclass(frozen=True)
class HttpPush(OneServer):
    """`connections` clients of `server`, each pushing `batch` messages a request.

    `generator` "any" is wrk, or Locust where wrk is missing; "locust" is for comparing the two.
    """

    batch: int
    connections: int
    generator: Literal["any", "locust"] = "any"
    ids: Ids = "counting"

    @property
    def key(self) -> str:
        """For instance `push-b100-c64@coalesce-w2-p20`."""
        by = "" if self.generator == "any" else f"-by-{self.generator}"
        ids = "" if self.ids == "counting" else f"-{self.ids}"
        return f"push-b{self.batch}-c{self.connections}{by}{ids}@{self.server.label}"

    @property
    def queue(self) -> str:
        """Each kind of ids has partitions of its own: what comes after what is seen in each by itself."""
        return QUEUE if self.ids == "counting" else f"{QUEUE}-{self.ids}"

    @property
    def described(self) -> CeilingCell:
        by = "" if self.generator == "any" else " by Locust"
        ids = {"counting": "", "uuid7": ", UUIDv7", "uuid4": ", random UUIDs"}[self.ids]
        clients = counted(self.connections, "client")
        return CeilingCell(
            key=self.key,
            group="server",
            label=f"push{by} ×{self.batch}{ids}, {clients}, {self.server.label}",
        )

    def missing(self, bench: Bench) -> str | None:
        if self.generator == "locust" and bench.wrk is None:
            return "wrk is not installed, so there is nothing to compare Locust with"
        if self.ids != "counting" and bench.wrk is None:
            return "wrk is not installed, and the ids of Locust's users count"
        return None

    async def prepare(self, bench: Bench) -> None:
        """Render the bodies, make the partitions."""
        template = push_template(self.queue, self.batch, PAYLOAD_BYTES, seed=self.batch, ids=self.ids)
        self._template(bench).write_text(template)
        await bench.servers[self.server].partitions(self.queue, PARTITIONS)

    async def measure(self, bench: Bench, asked: Asked) -> Measured:
        """Push, then see that the table holds what was answered."""
        server = bench.servers[self.server]
        before = await server.stored(self.queue)
        measured = await self.load(bench, asked)
        stored = await settled(partial(server.stored, self.queue), server.busy_s) - before
        return measured.checked(
            disagreement(stored, measured.run_messages, cut=self.connections * self.batch)
        )

    async def load(self, bench: Bench, asked: Asked) -> Measured:
        """Push, for whoever looks into the table himself. Raises `ChildFailed`, OSError."""
        url = bench.servers[self.server].url
        if bench.wrk is None or self.generator == "locust":
            return await self._by_locust(url, bench, asked)
        run = WrkRun(
            program=bench.wrk,
            script="push.lua",
            url=url,
            connections=self.connections,
            options={
                "template": str(self._template(bench)),
                "partitions": str(PARTITIONS),
                "tag": asked.tag,
                "ids": self.ids,
            },
            log=bench.staging / f"wrk-push-{asked.tag}.log",
        )
        return (await run.carry_out(asked)).measured(each=self.batch)

    def _template(self, bench: Bench) -> Path:
        return bench.staging / f"push-{self.batch}-{self.ids}.txt"

    async def _by_locust(self, url: str, bench: Bench, asked: Asked) -> Measured:
        push = LocustPush(
            url=url,
            queue=QUEUE,
            users=self.connections,
            batch=self.batch,
            payload_bytes=PAYLOAD_BYTES,
            partitions=PARTITIONS,
        )
        return await push.carry_out(asked, bench.staging / f"locust-{asked.tag}")
