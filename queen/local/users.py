"""Who runs the database: PostgreSQL refuses root, so root lends it an unprivileged user.

Nothing is changed on the machine: no user is created and no directory of others is re-permitted.
"""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from queen.errors import UserError

CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True)
class User:
    """A user of this machine that has a passwd entry (initdb refuses one without)."""

    name: str
    uid: int
    gid: int


def database_user() -> User | None:
    """The user that PostgreSQL must be run as; None: ourselves.

    Raises `UserError` when we are root and the machine has neither `postgres` nor `nobody`.
    """
    if os.geteuid() != 0:
        return None
    for name in CANDIDATES:
        try:
            return _user(pwd.getpwnam(name))
        except KeyError:
            continue
    raise UserError(
        "PostgreSQL does not run as root, and there is no user postgres or nobody: run as another user"
    )


def owner_of(path: Path) -> User:
    """Who owns a path. Raises `UserError` when the owner has no passwd entry."""
    uid = path.stat().st_uid
    try:
        return _user(pwd.getpwuid(uid))
    except KeyError:
        raise UserError(f"{path} belongs to uid {uid}, which has no passwd entry") from None


def can_enter(user: User | None, directory: Path) -> bool:
    """Whether the user may pass through a directory and all above it (by mode bits, not by ACL)."""
    if user is None:
        return os.access(directory, os.X_OK)
    return all(_may_search(user, part.stat()) for part in (directory, *directory.parents))


def _may_search(user: User, status: os.stat_result) -> bool:
    if status.st_uid == user.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == user.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _user(entry: pwd.struct_passwd) -> User:
    return User(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)
