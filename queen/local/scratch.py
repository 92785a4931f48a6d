"""Temporary directories that do not outlive their owner, not even one that was killed.

The owner holds a lock (flock) on a file inside; the kernel lets go of it when the owner dies. Whoever
makes a directory first removes those whose lock is free. No process ids are compared, so neither a
reused id nor a moved clock can make a living owner look dead.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from queen.errors import UserError
from queen.local.users import User

PREFIX = "queen-"
LOCK = "owner.lock"


@contextmanager
def temporary_directory(kind: str) -> Iterator[Path]:
    """A `scratch_directory` of ours where temporary files are. Raises `UserError` when none can be made."""
    with ExitStack() as stack:
        try:
            directory = stack.enter_context(scratch_directory(Path(tempfile.gettempdir()), kind))
        except OSError as error:
            raise UserError(f"no temporary directory can be made: {error.strerror}") from None
        yield directory


@contextmanager
def scratch_directory(root: Path, kind: str, user: User | None = None) -> Iterator[Path]:
    """A fresh directory `queen-KIND-…` below `root` that belongs to `user`; removed at the end.

    Raises OSError when it cannot be made or locked, and leaves nothing then.
    """
    sweep(root)
    unnamed = Path(tempfile.mkdtemp(prefix=".queen-new-", dir=root))
    try:
        with _locked(unnamed / LOCK):
            if user is not None:
                os.chown(unnamed, user.uid, user.gid)
            directory = root / unnamed.name.replace(".queen-new-", f"{PREFIX}{kind}-")
            unnamed.rename(directory)  # only now, locked, can a sweep find it
            try:
                yield directory
            finally:
                shutil.rmtree(directory, ignore_errors=True)
    finally:
        shutil.rmtree(unnamed, ignore_errors=True)  # it has this name only if something above failed


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of a new file. Raises OSError, for instance where a mounted disk knows no locks."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError as error:
            why = f"files cannot be locked in {path.parent.parent} ({error.strerror}), try another TMPDIR"
            raise OSError(error.errno, why) from None
        yield
    finally:
        os.close(lock)


def sweep(root: Path) -> list[Path]:
    """Remove those of any kind whose owner is dead; returns them. What we may not remove stays."""
    return [path for path in root.glob(f"{PREFIX}*") if _is_abandoned(path) and _remove(path)]


def _is_abandoned(directory: Path) -> bool:
    with suppress(OSError):
        lock = os.open(directory / LOCK, os.O_RDWR | os.O_NOFOLLOW)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(lock)
        return True
    return False


def _remove(directory: Path) -> bool:
    shutil.rmtree(directory, ignore_errors=True)
    return not directory.exists()
