"""The directory of a new run, of a sweep or of a load."""

import re
from datetime import datetime
from pathlib import Path

from loadtests.results import RunFiles
from queen.errors import UserError

MOST_OF_A_SECOND = 1000


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
