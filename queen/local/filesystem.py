"""Where a database may live: which file system a path is on, and a temporary place on a real disk."""

import sys
import tempfile
from pathlib import Path

from queen.errors import UserError
from queen.local.users import User, can_enter

IN_MEMORY = frozenset({"tmpfs", "ramfs"})
MOUNTS = Path("/proc/self/mountinfo")


def filesystem_of(path: Path) -> str | None:
    """Type of the file system that holds a path, for instance "ext4"; None where that is not known."""
    if sys.platform != "linux":
        return None
    resolved = path.resolve()
    best, kind = -1, None
    for line in MOUNTS.read_text().splitlines():
        before, _, after = line.partition(" - ")  # proc(5): fields, a hyphen, type, source, options
        mounted = Path(before.split()[4].encode().decode("unicode_escape"))
        if resolved.is_relative_to(mounted) and len(mounted.parts) >= best:
            best, kind = len(mounted.parts), after.split()[0]
    return kind


def temporary_root(user: User | None) -> Path:
    """Directory for temporary databases: one that the user can reach, on a disk rather than in memory.

    A database in memory has no fsync to wait for: its figures would flatter. Raises `UserError` when
    no directory can be reached.
    """
    places = [Path(tempfile.gettempdir()), Path("/var/tmp")]
    reachable = [place for place in places if place.is_dir() and can_enter(user, place)]
    if not reachable:
        raise UserError(f"the database's user can enter none of {', '.join(map(str, places))}: set TMPDIR")
    return next((place for place in reachable if filesystem_of(place) not in IN_MEMORY), reachable[0])
