"""Wake-ups between server processes: LISTEN and NOTIFY on a connection of their own, beside the pool.

    connect → LISTEN → say hello → hear it ourselves: it works → tell what changed, hear what others tell
            → the connection breaks: connect again after a pause, and have everybody look again

- NOTIFY never rides in the transaction of a push: its commit takes a lock for the whole database. What
  changed is gathered for some milliseconds, after the commits, and sent in one statement.
- LISTEN need not work (a pooler between hands nothing through): then the hello does not come back, the
  connection counts as broken and is tried again now and then. Polls still look by themselves
  (`queen.core.wakeups`), so all that is lost is time.
- Nothing is told while nobody waits for it elsewhere (`queen.postgres.conversation`).
- What cannot be told while the connection is broken collapses to "anything": memory is bounded.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg

from queen.core.notices import Change, Hearer
from queen.database_failures import DATABASE_FAILURES
from queen.postgres import statements
from queen.postgres.conversation import Conversation
from queen.postgres.pool import address
from queen.settings import Settings

CHANNEL = "queen_wakeups"
APPLICATION_NAME = "queen-wakeups"
GATHER_S = 0.005  # how long changes are gathered before they are sent
CHECK_EVERY_S = 15.0  # a connection that says nothing is asked whether it still lives
ANSWER_TIMEOUT_S = 5.0  # for a statement, and for the own hello to come back
LAST_WORDS_S = 1.0  # at the end, for what is still to be told
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0  # before connecting again; it doubles with each failure

_log = logging.getLogger("queen.wakeups")

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Connect = Callable[[Settings], Awaitable[Connection]]


async def connect(settings: Settings) -> Connection:
    """A connection to the server's database that is not one of the pool's. Raises `DATABASE_FAILURES`."""
    connection: Connection = await asyncpg.connect(
        **address(settings),
        timeout=ANSWER_TIMEOUT_S,
        command_timeout=ANSWER_TIMEOUT_S,
        server_settings={"application_name": APPLICATION_NAME},
    )
    return connection


class Notifier:
    """Tells the other processes on the database what this one changed, and hears what they tell."""

    def __init__(self, settings: Settings, connect: Connect = connect) -> None:
        self._settings = settings
        self._connect = connect
        self._conversation = Conversation()
        self._stir = asyncio.Event()  # there is something to say, or the connection broke, or the end is near
        self._echo = asyncio.Event()  # our own hello came back on this connection
        self._stopping = False
        self._listening: bool | None = None  # None: not known yet

    @property
    def listening(self) -> bool:
        """Whether wake-ups of other processes arrive."""
        return self._listening is True

    def announce(self, change: Change) -> None:
        """Have the others told; nothing is sent while none of them waits."""
        self._conversation.announce(change)
        self._stir_for_words()

    def expect(self) -> None:
        """Have the others tell."""
        self._conversation.expect()
        self._stir_for_words()

    @asynccontextmanager
    async def running(self, hearer: Hearer) -> AsyncIterator[None]:
        """Listen and tell inside the block; what was announced before its end is still sent."""
        task = asyncio.create_task(self._run(hearer), name="wake-ups")
        try:
            yield
            self._stopping = True
            self._stir.set()
            if self.listening:
                await asyncio.wait((task,), timeout=LAST_WORDS_S)
        finally:
            task.cancel()
            await asyncio.wait((task,))

    async def _run(self, hearer: Hearer) -> None:
        try:
            await self._listen_again_and_again(hearer)
        except Exception:  # noqa: BLE001 - the edge of the task: the server goes on, its polls look by themselves
            _log.exception("wakeups_failed")
            self._listening = False

    async def _listen_again_and_again(self, hearer: Hearer) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stopping:
            try:
                await self._listen(hearer)
            except DATABASE_FAILURES as error:
                pause_s = FIRST_PAUSE_S if self.listening else min(2 * pause_s, LONGEST_PAUSE_S)
                self._conversation.interrupted()
                self._tell_state(False, why=str(error) or type(error).__name__)
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))

    async def _listen(self, hearer: Hearer) -> None:
        """The life of one connection. Raises `DATABASE_FAILURES` when it breaks; returns at the end."""
        connection = await self._connect(self._settings)
        try:
            self._echo.clear()
            connection.add_termination_listener(lambda _connection: self._stir.set())
            await connection.add_listener(
                CHANNEL, lambda _connection, _pid, _channel, payload: self._heard(str(payload), hearer)
            )
            await _send(connection, [self._conversation.hello()])
            await self._hear_echo()
            self._tell_state(True)
            hearer.hear_anything()
            await self._talk(connection, hearer)
        finally:
            await _close(connection)

    async def _hear_echo(self) -> None:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await self._echo.wait()
        except TimeoutError:
            raise ConnectionError("LISTEN hears nothing on this connection: a pooler between?") from None

    async def _talk(self, connection: Connection, hearer: Hearer) -> None:
        """Say what there is to say, again and again, until the server stops."""
        self._stir.set()
        stopping = False
        while not stopping:
            silent = False
            try:
                async with asyncio.timeout(CHECK_EVERY_S):
                    await self._stir.wait()
                await asyncio.sleep(GATHER_S)
            except TimeoutError:
                silent = True  # saying nothing finds out whether the connection still lives
            self._stir.clear()
            stopping = self._stopping
            if hearer.waiting:
                self._conversation.expect()
            words = self._conversation.words(waiting=hearer.waiting)
            if words or silent or connection.is_closed():  # the last raises
                await _send(connection, words)

    def _heard(self, payload: str, hearer: Hearer) -> None:
        try:
            ourselves = self._conversation.hear(payload, hearer)
        except ValueError as error:
            _log.warning("notice_not_understood", extra={"bytes": len(payload), "why": str(error)})
            return
        if ourselves:
            self._echo.set()
        self._stir_for_words()

    def _stir_for_words(self) -> None:
        if self._conversation.has_words:
            self._stir.set()

    def _tell_state(self, listening: bool, **fields: str) -> None:
        """One line a change of state."""
        if listening is self._listening:
            return
        self._listening = listening
        if listening:
            _log.info("wakeups_listening")
        else:
            _log.warning("wakeups_not_listening", extra=fields)


async def _send(connection: Connection, words: Sequence[str]) -> None:
    await connection.execute(statements.NOTIFY, CHANNEL, words)


async def _close(connection: Connection) -> None:
    """Close politely, or at once when that fails."""
    try:
        await connection.close(timeout=LAST_WORDS_S)
    except DATABASE_FAILURES:
        connection.terminate()
