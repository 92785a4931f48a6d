"""The directory of a new run, of a sweep or of a load."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from loadtests.results import RunFiles
from queen.errors import SettingsError, UserError

MOST_OF_A_SECOND = 1000
SHOWN = 100  # characters of a path in an error


def expect_writable(results: Path) -> None:
    """Refuse a directory in which no run could be made; leaves nothing there. Raises `SettingsError`.

    Tries it, where it is or where it would be: permissions alone do not tell of a disk that is read-only.
    """
    shown = repr(str(results)[:SHOWN])
    try:
        with tempfile.TemporaryFile(dir=_nearest(results.absolute())):
            pass
    except ValueError:  # U+0000
        raise SettingsError(f"{shown}: expected a directory") from None
    except OSError as error:
        raise SettingsError(f"{shown}: nothing can be written there: {error.strerror}") from None


def _nearest(path: Path) -> Path:
    """The path, or the first above it that is there. Raises OSError."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return _nearest(path.parent)
    return path


def run_id(title: str, started: datetime) -> str:
    """`20261125T031500Z-pool-size`: sortable, safe as a directory; `started` is in UTC."""
    words = re.findall(r"[a-z0-9]+", title.lower())
    return f"{started:%Y%m%dT%H%M%SZ}-{'-'.join(words)[:32].strip('-') or 'run'}"


def new_run(results: Path, title: str, started: datetime) -> RunFiles:
    """A directory for one run that did not exist before; made at once, so that it stays ours.

    A further run of the same second gets `-2`, `-3`, … Raises `UserError` when none can be made.
    """
    name = run_id(title, started)
    for number in range(1, MOST_OF_A_SECOND):
        root = results / (name if number == 1 else f"{name}-{number}")
        try:
            root.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise UserError(f"{root}: {error.strerror}") from None
        return RunFiles(root)
    raise UserError(f"{results}: too many runs of this second")


@contextmanager
def filled(run: RunFiles) -> Iterator[None]:
    """While the run writes its files; of one that ends before it has a manifest nothing stays.

    Raises `UserError` for what the disk refuses.
    """
    try:
        yield
    except OSError as error:
        raise UserError(f"{error.filename or run.root}: {error.strerror or error}") from None
    finally:
        if not run.manifest.exists():
            shutil.rmtree(run.root, ignore_errors=True)
