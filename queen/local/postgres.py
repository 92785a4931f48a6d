"""A PostgreSQL server of our own, for as long as it is needed.

It is a child process in the foreground: its pid is known, its output is a file, and it ends with us.
It listens on 127.0.0.1 alone (no Unix socket: their paths are limited to 107 bytes) and trusts whoever
reaches that port. Fsync and synchronous_commit are as PostgreSQL ships them: figures are durable ones.
"""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from queen.errors import UserError
from queen.local.cluster import POSTGRES_ENVIRON, SUPERUSER, Cluster, explain
from queen.local.database import Database
from queen.local.filesystem import filesystem_of
from queen.local.postgres_binaries import Source
from queen.local.process import Child, ChildFailed, ChildSpec
from queen.local.provision import provisioned

HOST = "127.0.0.1"
START_DEADLINE_S = 60.0  # crash recovery of a kept data directory is part of it
START_TRIES = 10
RETRY_PAUSE_S = 0.2
PORT_IN_USE = "Address already in use"
OLD_PROCESSES = "pre-existing shared memory block"  # a SIGKILLed postmaster's children take a moment to go


class PostgresServer:
    """A running server. Made by `PostgresServer.start`."""

    def __init__(self, cluster: Cluster, port: int) -> None:
        self._cluster = cluster
        self._asked_port = port
        self._child: Child | None = None
        self.port = port
        self.filesystem = filesystem_of(cluster.data)

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        *,
        settings: Mapping[str, str] | None = None,
        data: Path | None = None,
        port: int = 0,
        environ: Mapping[str, str] = os.environ,
    ) -> AsyncIterator[Self]:
        """Start PostgreSQL and stop it at the end.

        `settings` are postgresql.conf settings beside `provision.default_settings`. `data` is a directory to
        keep (made when missing); without it the database is temporary. `port` 0 is any free one.
        `environ` may name `QUEEN_PG_BIN`. Raises `UserError`, one line, for all that can be mended.
        """
        async with provisioned(settings or {}, data, environ) as cluster:
            server = cls(cluster, port)
            try:
                await server._launch()
                yield server
            finally:
                await server.stop()

    @property
    def host(self) -> str:
        """Address it listens on."""
        return HOST

    @property
    def user(self) -> str:
        """Its superuser; no password."""
        return SUPERUSER

    @property
    def database(self) -> str:
        """Name of the database to use."""
        return "postgres"

    @property
    def pid(self) -> int:
        """Process id of the postmaster; the other processes of the server are its children."""
        return self._running().pid

    @property
    def data(self) -> Path:
        """The data directory."""
        return self._cluster.data

    @property
    def log(self) -> Path:
        """What it writes to stderr: PostgreSQL's own log."""
        return self._cluster.log

    @property
    def bindir(self) -> Path:
        """Where its programs are (psql, pgbench, pg_basebackup, …)."""
        return self._cluster.binaries.bindir

    @property
    def source(self) -> Source:
        """Where the programs came from."""
        return self._cluster.binaries.source

    @property
    def version(self) -> str:
        """For instance "18.6"."""
        return self._cluster.binaries.version

    def address(self) -> Database:
        """The database to use, as a value."""
        return Database(host=self.host, port=self.port, user=self.user, name=self.database)

    def environ(self) -> Mapping[str, str]:
        """The variables that point the queue server at it."""
        return self.address().environ()

    async def wait(self) -> int:
        """Wait for its end; returns the exit code, or -N after signal N."""
        return await self._running().wait()

    async def stop(self) -> None:
        """Fast shutdown, after 10 s an immediate one; may be called again."""
        if self._child is not None:
            await self._child.stop()

    def _running(self) -> Child:
        if self._child is None:
            raise RuntimeError("PostgreSQL was never started")
        return self._child

    async def _launch(self) -> None:
        for tries_left in reversed(range(START_TRIES)):
            self.port = self._asked_port or _free_port()
            self._child = await Child.start(self._spec())
            try:
                await self._child.until(self._ready, what="accept connections", deadline_s=START_DEADLINE_S)
                return
            except ChildFailed as error:
                await self._child.stop()
                if not tries_left or not self._may_pass(error.tail):
                    raise self._explained(error) from None
                await asyncio.sleep(RETRY_PAUSE_S)

    def _may_pass(self, tail: str) -> bool:
        """Whether another try may go better: a port lost to another, a killed server's last processes."""
        return OLD_PROCESSES in tail or (PORT_IN_USE in tail and not self._asked_port)

    def _explained(self, error: ChildFailed) -> UserError:
        if PORT_IN_USE in error.tail and self._asked_port:
            return UserError(f"port {self.port} is in use: choose another, or 0 for any free one")
        return explain(error, self.data)

    def _ready(self) -> bool | None:
        lines = self._cluster.pid_file()
        mine = len(lines) >= 8 and lines[0].strip() == str(self.pid)
        return True if mine and lines[7].strip() in ("ready", "standby") else None

    def _spec(self) -> ChildSpec:
        fixed = {"listen_addresses": HOST, "port": str(self.port), "unix_socket_directories": ""}
        options = [word for name, value in fixed.items() for word in ("-c", f"{name}={value}")]
        return ChildSpec(
            name="PostgreSQL",
            argv=(str(self._cluster.binaries.program("postgres")), "-D", str(self.data), *options),
            environ=POSTGRES_ENVIRON,
            log=self.log,
            cwd=self.data,
            user=self._cluster.user,
            death_signal=signal.SIGQUIT,
            stop_signals=(signal.SIGINT, signal.SIGQUIT),
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
