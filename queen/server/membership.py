"""A worker's place in its instance."""

from dataclasses import dataclass
from pathlib import Path

from queen.errors import UserError


@dataclass(frozen=True)
class Membership:
    """The number of a worker (from 0), that of all, and the directory by which they know each other."""

    worker_id: int
    workers: int
    directory: Path

    def arguments(self, tether: int) -> tuple[str, ...]:
        """The command line of the worker that is to have it (`queen.server.member`)."""
        return (str(self.worker_id), str(self.workers), str(tether), str(self.directory))

    @property
    def others(self) -> list[int]:
        """The numbers of the others."""
        return [number for number in range(self.workers) if number != self.worker_id]

    def place(self, worker_id: int, kind: str) -> Path:
        """Where that worker has its socket of this kind."""
        return self.directory / f"{worker_id}.{kind}"

    def free_place(self, kind: str) -> Path:
        """Our own, without what a worker left there that had our number before and was killed."""
        path = self.place(self.worker_id, kind)
        path.unlink(missing_ok=True)
        return path


def cannot_make(what: str, error: OSError) -> UserError:
    """What to tell of what the workers share; the path of a socket has 107 bytes at most (unix(7))."""
    return UserError(f"cannot make {what}: {error}; try another TMPDIR")
