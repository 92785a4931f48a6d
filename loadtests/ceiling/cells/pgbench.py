"""Single-row INSERTs by pgbench: the database's figure from PostgreSQL's own tool."""

import itertools
import math
import os
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtests.ceiling.bench import Bench
from loadtests.ceiling.cells import PAYLOAD_BYTES, counted
from loadtests.ceiling.cells.one_server import OneServer
from loadtests.ceiling.push_body import payload
from loadtests.ceiling.window import Asked, Measured
from loadtests.results import CeilingCell
from queen.local.database import Database
from queen.local.process import Child, ChildFailed, ChildSpec

TEMPLATE = Path(__file__).parent.parent / "statements" / "pgbench.sql"
GRACE_S = 10.0
MOST_ROWS = 1_000_000_000  # of one window
_windows = itertools.count()  # no two of this process share a position
RATE = re.compile(r"^tps = ([\d.]+) \(without", re.MULTILINE)
PROCESSED = re.compile(r"^number of transactions actually processed: (\d+)", re.MULTILINE)
FAILED = re.compile(r"^number of failed transactions: (\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Pgbench(OneServer):
    """`connections` clients; whole seconds, without warm-up, because that is what pgbench can."""

    connections: int

    @property
    def key(self) -> str:
        """For instance `pgbench-c16`."""
        return f"pgbench-c{self.connections}"

    @property
    def described(self) -> CeilingCell:
        return CeilingCell(
            key=self.key,
            group="raw",
            kind="write",
            label=f"pgbench, INSERT of 1 row, {counted(self.connections, 'connection')}",
        )

    def missing(self, bench: Bench) -> str | None:
        return None if bench.pgbench else "pgbench is neither beside PostgreSQL nor on PATH"

    async def prepare(self, bench: Bench) -> None:
        """Nothing."""

    async def measure(self, bench: Bench, asked: Asked) -> Measured:
        """Run it. Raises `ChildFailed`."""
        assert bench.pgbench is not None
        script = bench.staging / f"pgbench-{asked.tag}.sql"
        text = payload(PAYLOAD_BYTES, 0, random.Random(asked.seed))
        script.write_text(TEMPLATE.read_text().replace("TAG", asked.tag).replace("PAYLOAD", text))
        seconds = max(1, math.ceil(asked.measure_s))
        spec = ChildSpec(
            name="pgbench",
            argv=(str(bench.pgbench), *self._options(script, seconds)),
            environ={**os.environ, **_environ(bench.servers[self.server].database)},
            log=bench.staging / "pgbench.log",
        )
        async with await Child.start(spec) as child:
            await child.finish(seconds + GRACE_S)
            return parse(child.log.tail())

    def _options(self, script: Path, seconds: int) -> Sequence[str]:
        return (
            "--no-vacuum",
            "--protocol=prepared",
            f"--file={script}",
            f"--client={self.connections}",
            "--jobs=1",
            f"--time={seconds}",
            f"--define=n={next(_windows) * MOST_ROWS}",
        )


def parse(output: str) -> Measured:
    """What pgbench says at its end. Raises `ChildFailed` when it says nothing of the kind."""
    rate, processed, failed = RATE.search(output), PROCESSED.search(output), FAILED.search(output)
    if rate is None or processed is None:
        raise ChildFailed(f"pgbench told no rate: {output[-200:]!r}", output)
    msg_s, rows = float(rate[1]), int(processed[1])
    faults = (f"{failed[1]} transactions failed",) if failed and int(failed[1]) else ()
    return Measured(
        value=msg_s,
        measured_s=rows / msg_s if msg_s else 0.0,
        messages=rows,
        run_messages=rows,
        faults=faults,
    )


def _environ(database: Database) -> dict[str, str]:
    return {
        "PGHOST": database.host,
        "PGPORT": str(database.port),
        "PGUSER": database.user,
        "PGPASSWORD": database.password,
        "PGDATABASE": database.name,
    }
