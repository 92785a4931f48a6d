"""Everything that a PostgreSQL server needs before it can start: programs, a user, a directory, a profile."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from queen.local.cluster import Cluster, checked_settings, explain
from queen.local.filesystem import temporary_root
from queen.local.leftovers import end_those_of_dead_owners
from queen.local.postgres_binaries import PostgresBinaries, choose
from queen.local.process import ChildFailed
from queen.local.scratch import scratch_directory
from queen.local.users import User, database_user, owner_of


@asynccontextmanager
async def provisioned(
    settings: Mapping[str, str], data: Path | None, environ: Mapping[str, str]
) -> AsyncIterator[Cluster]:
    """A cluster that is ready to be served; made when it is missing, removed when it is temporary.

    Raises `UserError`, one line, for all that can be mended.
    """
    end_those_of_dead_owners()
    lasting = Path(os.path.abspath(data)) if data else None  # noqa: ASYNC240 - no file is touched
    user = database_user()
    if user is not None and lasting is not None and _is_anothers_cluster(lasting):
        user = owner_of(lasting)
    binaries = choose(environ, user).binaries
    profile = checked_settings({**default_settings(binaries), **settings})
    with ExitStack() as stack:
        scratch = _enter_scratch(stack, user)
        cluster = Cluster(
            data=lasting or scratch / "data",
            log=(lasting or scratch) / "server.log",
            binaries=binaries,
            user=user,
            lasting=lasting is not None,
        )
        try:
            await cluster.check()
            if not cluster.exists():
                await cluster.create(scratch / "initdb.log")
            cluster.write_profile(profile)
        except (ChildFailed, OSError) as error:
            raise explain(error, cluster.data) from None
        yield cluster


def default_settings(binaries: PostgresBinaries) -> dict[str, str]:
    """What differs from stock PostgreSQL: room for large pools, and statement statistics."""
    settings = {"max_connections": "200"}
    if binaries.has_library("pg_stat_statements"):
        settings["shared_preload_libraries"] = "pg_stat_statements"
    return settings


def _enter_scratch(stack: ExitStack, user: User | None) -> Path:
    root = temporary_root(user)
    try:
        return stack.enter_context(scratch_directory(root, "db", user))
    except OSError as error:
        raise explain(error, root) from None


def _is_anothers_cluster(data: Path) -> bool:
    return data.joinpath("PG_VERSION").exists() and data.stat().st_uid != os.geteuid()
