"""What `queen load` does for Locust's page: it owns server and database, which the page only asks about."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from msgspec.structs import asdict

from loadtests.commands import load_audit, load_sampling
from loadtests.commands.load_target import RestartableServer
from loadtests.commands.page_ceilings import PageCeilings
from loadtests.results import ResultError, RunFiles
from loadtests.runs.control import (
    Answer,
    Ask,
    Changed,
    ChangePool,
    DatabaseView,
    MakeWay,
    NoRun,
    Noted,
    Refused,
    RunBegan,
    RunEnded,
    See,
    Seen,
)
from loadtests.sweep.activity import Activity, read_activity
from loadtests.sweep.databases import connect
from loadtests.sweep.sampling import Look
from queen.errors import UserError
from queen.local.open_database import Connection, close


class PageKeeper:
    """Answers the page's questions about one server, samples its runs and accounts for their messages."""

    def __init__(
        self,
        server: RestartableServer,
        generator_pid: int,
        ceilings: PageCeilings | None,
        leave: asyncio.Event | None,
    ) -> None:
        self.accounted: dict[Path, bool] = {}  # run → whether every message of it is accounted for
        self._server = server
        self._generator_pid = generator_pid
        self._changing = asyncio.Lock()
        self._run: str | None = None
        self._expected = False  # way was made for a run, of which or of whose end nobody has told yet
        self._ceilings = ceilings
        self._leave = leave
        self._sampling = AsyncExitStack()
        self.looks: list[Look] = []  # of the run that is on
        self._watch = ActivityWatch(server)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        server: RestartableServer,
        generator_pid: int,
        ceilings: PageCeilings | None = None,
        leave: asyncio.Event | None = None,
    ) -> AsyncIterator["PageKeeper"]:
        """A keeper for as long as the block runs; a run that is still on is no longer sampled then.

        Without `ceilings` those of the generator are not measured; when `leave` is set no messages are
        accounted for.
        """
        keeper = cls(server, generator_pid, ceilings, leave)
        try:
            yield keeper
        finally:
            await keeper._sampling.aclose()
            await keeper._stop_measuring()
            await keeper._watch.close()

    async def handle(self, ask: Ask) -> Answer:
        """The answer; what cannot be done is refused with the reason."""
        try:
            return await self._answer(ask)
        except (UserError, ResultError, OSError) as error:
            return Refused(str(error))

    async def _answer(self, ask: Ask) -> Answer:
        match ask:
            case See():
                answer: Answer = await self._see()
            case ChangePool(pool):
                answer = await self._change(pool)
            case MakeWay():
                answer = await self._make_way()
            case NoRun():
                answer = await self._no_run()
            case RunBegan(directory):
                answer = await self._began(directory)
            case RunEnded(directory):
                answer = await self._ended(directory)
        return answer

    async def _see(self) -> Seen:
        server = self._server
        seen = await self._watch.read()
        view = (
            DatabaseView(**{name: asdict(seen)[name] for name in DatabaseView.__struct_fields__})
            if seen
            else None
        )
        return Seen(server.url, server.facts.pool or 0, server.most_pool, view)

    async def _change(self, pool: int) -> Answer:
        if self._run is not None:
            return Refused("a run is on: stop it first")
        if self._changing.locked():
            return Refused("the server is being started anew")
        async with self._changing:
            await self._stop_measuring()
            try:
                return Changed(await self._server.restart(pool))
            finally:
                self._measure_if_free()

    async def _make_way(self) -> Answer:
        self._expected = True
        await self._stop_measuring()
        return Noted()

    async def _no_run(self) -> Answer:
        self._run, self._expected, self.looks = None, False, []
        await self._sampling.aclose()  # of a run whose begin was noted too late for who told of it
        self._measure_if_free()
        return Noted()

    async def _began(self, directory: str) -> Answer:
        if self._changing.locked():
            return Refused("the server is being started anew")
        await self._sampling.aclose()  # of a run whose end nobody told
        self._run, self._expected = directory, False
        await self._stop_measuring()
        self.looks = await self._sampling.enter_async_context(
            load_sampling.sampled(self._server, self._generator_pid)
        )
        return Noted()

    async def _ended(self, directory: str) -> Answer:
        if directory != self._run:
            return Refused("no such run is on")
        looks, self.looks, self._run = self.looks, [], None
        self._expected = False
        await self._sampling.aclose()
        run = RunFiles(Path(directory))
        if looks:
            load_sampling.store(run, looks)
        shutil.copyfile(self._server.log, load_audit.only_trial(run).server_log)
        holds = await load_audit.account_for([run], self._server.database, self._leave)
        if self._ceilings is not None:
            self._ceilings.want(run)
            self._measure_if_free()
        if (why := load_audit.not_accounted(run)) and not load_audit.was_read(run):
            return Refused(why)
        self.accounted[run.root] = holds
        return Noted()

    async def _stop_measuring(self) -> None:
        if self._ceilings is not None:
            await self._ceilings.make_way()

    def _measure_if_free(self) -> None:
        """Measure what ceilings are wanted, unless a run is on or about to begin: it would feel that."""
        if self._ceilings is not None and self._run is None and not self._expected:
            self._ceilings.go_on()


class ActivityWatch:
    """Reads what the database does, over a connection that it keeps."""

    def __init__(self, server: RestartableServer) -> None:
        self._server = server
        self._connection: Connection | None = None
        self._one_at_a_time = asyncio.Lock()

    async def read(self) -> Activity | None:
        """The activity now; None when the database cannot be asked."""
        async with self._one_at_a_time:
            try:
                self._connection = self._connection or await connect(self._server.database)
            except UserError:
                return None
            activity = await read_activity(self._connection, self._server.database.name)
            if activity is None:
                await self._drop()
            return activity

    async def close(self) -> None:
        """Close the connection."""
        async with self._one_at_a_time:
            await self._drop()

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await close(connection)
