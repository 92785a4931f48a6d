"""What all cells of a run share: running servers, direct connections, a directory for passing files."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.ceiling.servers import RunningServer, ServerConfig
from loadtests.sweep.databases import connect
from loadtests.sweep.processes import TreeMeter
from queen.local.database import Database
from queen.local.open_database import Connection, close


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Everything is open from the first round to the last."""

    servers: Mapping[ServerConfig, RunningServer]
    postgres: TreeMeter | None  # None: somebody else's, which this machine cannot see
    data: Path | None  # PostgreSQL's data directory, when it is ours
    pgbench: Path | None
    wrk: Path | None
    load_s: float  # warm-up and window of one measurement
    checkpoint: Callable[[], Awaitable[None]]  # does nothing where we may not
    staging: Path  # for files that live as long as the run
    stack: AsyncExitStack  # closes what `direct` opens
    _direct: dict[Database, list[Connection]] = field(default_factory=dict)

    async def direct(self, database: Database, count: int) -> list[Connection]:
        """Connections past any server; they are kept, so no window pays for their making.

        Raises `UserError` when the database gives no more.
        """
        opened = self._direct.setdefault(database, [])
        while len(opened) < count:
            connection = await connect(database)
            self.stack.push_async_callback(close, connection)
            opened.append(connection)
        return opened[:count]
