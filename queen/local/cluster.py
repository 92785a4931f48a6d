"""A PostgreSQL data directory: making one, knowing whether an existing one can be used, its settings.

A directory of ours reads `queen.conf` at the end of its postgresql.conf: the profile of a run is that
one file. What a start decides (address, port) is not part of it; it goes on the command line.
"""

import asyncio
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from queen.errors import SettingsError, UserError
from queen.local.postgres_binaries import PostgresBinaries
from queen.local.process import POLL_S, Child, ChildFailed, ChildSpec
from queen.local.users import User, can_enter, owner_of

SUPERUSER = "queen"
PROFILE = "queen.conf"
INCLUDE = f"include_if_exists '{PROFILE}'"
SETTING_NAME = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?", re.IGNORECASE)
SET_BY_THE_START = frozenset({"listen_addresses", "port", "unix_socket_directories", "data_directory"})
BAD_SETTING = re.compile(
    r"(?:LOG|FATAL):\s+(.*(?:invalid value for parameter|unrecognized configuration parameter|"
    r"requires a (?:numeric|Boolean) value|outside the valid range|could not access file).*)"
)
INITDB_DEADLINE_S = 120.0
ENDING_S = 2.0


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A data directory and what serves it. `lasting`: it is kept when the server stops."""

    data: Path
    log: Path
    binaries: PostgresBinaries
    user: User | None
    lasting: bool

    async def check(self) -> None:
        """Raise `UserError` when the directory cannot be used; changes nothing. Raises OSError, too.

        A server that runs on it gets a moment to end: its owner may just have been killed.
        """
        if not can_enter(self.user, _first_existing(self.data.parent)):
            who = self.user.name if self.user else "you"
            raise UserError(
                f"{self.data}: user {who} cannot enter {self.data.parent}: choose another directory"
            )
        if not self.exists():
            return
        self._check_ours()
        patience = asyncio.get_running_loop().time() + ENDING_S
        while pid := self.server_pid():
            if asyncio.get_running_loop().time() > patience:
                raise UserError(f"{self.data} is in use by a running PostgreSQL server (pid {pid})")
            await asyncio.sleep(POLL_S)

    def exists(self) -> bool:
        """Whether there is anything in the directory."""
        return self.data.exists() and (not self.data.is_dir() or any(self.data.iterdir()))

    def _check_ours(self) -> None:
        version_file = self.data / "PG_VERSION"
        if not version_file.is_file():
            raise UserError(f"{self.data} is not a PostgreSQL data directory and not empty: choose another")
        version = version_file.read_text().strip()
        if version != str(self.binaries.major):
            raise UserError(
                f"{self.data} belongs to PostgreSQL {version}, found is {self.binaries.version} "
                f"({self.binaries.bindir}): set QUEEN_PG_BIN, or choose another directory"
            )
        if INCLUDE not in (self.data / "postgresql.conf").read_text():
            raise UserError(f"{self.data} was made by another program: start it yourself and set PG_HOST")
        if self.user is None and self.data.stat().st_uid != os.geteuid():
            raise UserError(f"{self.data} belongs to user {owner_of(self.data).name}: run as that user")

    def server_pid(self) -> int | None:
        """Process id of the PostgreSQL server that runs on this directory, if one does."""
        lines = self.pid_file()
        if not lines or not lines[0].strip().isdigit():
            return None
        pid = int(lines[0])
        try:
            return pid if psutil.Process(pid).name().startswith("postgres") else None
        except psutil.NoSuchProcess:
            return None

    def pid_file(self) -> list[str]:
        """Lines of postmaster.pid (PostgreSQL's miscadmin.h): pid, directory, …, the 8th is the status."""
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    async def create(self, log: Path) -> None:
        """Run initdb. Raises `ChildFailed` or OSError; a directory made for it is removed then."""
        existed = self.data.exists()
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            if self.user is not None:
                os.chown(self.data, self.user.uid, self.user.gid)
            async with await Child.start(self._initdb(log)) as initdb:
                await initdb.finish(INITDB_DEADLINE_S)
            with (self.data / "postgresql.conf").open("a") as file:
                file.write(f"\n{INCLUDE}\n")
        except BaseException:
            if not existed:
                shutil.rmtree(self.data, ignore_errors=True)
            raise

    def _initdb(self, log: Path) -> ChildSpec:
        options = ["--locale=C", "--encoding=UTF8", "--auth=trust", "-U", SUPERUSER]
        if not self.lasting:
            options.append("--no-sync")
        return ChildSpec(
            name="initdb",
            argv=(str(self.binaries.program("initdb")), *options, "-D", str(self.data)),
            environ=POSTGRES_ENVIRON,
            log=log,
            cwd=self.data.parent,
            user=self.user,
        )

    def write_profile(self, settings: Mapping[str, str]) -> None:
        """Replace the profile by settings that `checked_settings` has seen. Raises OSError."""
        partial = self.data / f".{PROFILE}"
        partial.unlink(missing_ok=True)
        partial.write_text("".join(f"{name} = {_quoted(value)}\n" for name, value in settings.items()))
        partial.chmod(0o644)
        partial.replace(self.data / PROFILE)


# PGDATA, PGPORT, PGOPTIONS and their like must not leak in; UTC makes initdb's choice the same everywhere.
POSTGRES_ENVIRON = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def explain(error: ChildFailed | OSError, data: Path) -> UserError:
    """Why there is no database in `data`, in one line."""
    text = error.tail if isinstance(error, ChildFailed) else str(error)
    if "No space left on device" in text:
        free_mb = shutil.disk_usage(_first_existing(data)).free // 1_000_000
        return UserError(
            f"no space left for the database in {data} ({free_mb} MB free): free some, or set TMPDIR"
        )
    if bad := BAD_SETTING.search(text):
        return SettingsError(f"PostgreSQL refuses a setting: {bad[1]}")
    return error if isinstance(error, UserError) else UserError(f"{data}: {error.strerror}")


def _first_existing(path: Path) -> Path:
    return next(part for part in (path, *path.parents) if part.exists())


def checked_settings(settings: Mapping[str, str]) -> Mapping[str, str]:
    """The same settings. Raises `SettingsError` for a name that is none or one that the start decides."""
    for name, value in settings.items():
        if not SETTING_NAME.fullmatch(name):
            raise SettingsError(f"{name!r} is not the name of a PostgreSQL setting")
        if name.lower() in SET_BY_THE_START:
            raise SettingsError(f"{name} is decided when PostgreSQL starts and cannot be set")
        if any(character in value for character in "\n\r\0"):
            raise SettingsError(f"{name}={value!r}: expected one line")
    return settings


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
