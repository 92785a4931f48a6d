"""A table of many millions costs a push little: its rate into an empty one and into a large one.

It depends on the transactionIds: the duplicates' index keeps those that come together on few pages, and
random ones touch a page each. These have a part of their own: the disk works on long after them.
"""

from collections.abc import Callable, Sequence

from loadtests.ceiling.cells.filled_push import FilledPush
from loadtests.ceiling.cells.http_push import HttpPush
from loadtests.ceiling.part import Part
from loadtests.ceiling.push_body import Ids
from loadtests.ceiling.servers import ServerConfig
from loadtests.results import CeilingRatio

ROWS = 10_000_000
CLIENTS = 64
EMPTY, LARGE = ServerConfig(), ServerConfig(role="large")  # a role that is not emptied before each window
LABELS: dict[Ids, str] = {"counting": "ids that count", "uuid7": "UUIDv7", "uuid4": "random UUIDs"}


def together(rows: int = ROWS) -> Part:
    """With ids that count and with UUIDs of their time."""
    return _part("table", ("counting", "uuid7"), "6 minutes", rows, together)


def at_random(rows: int = ROWS) -> Part:
    """With random UUIDs."""
    return _part("table-random", ("uuid4",), "5 minutes", rows, at_random)


def _part(name: str, kinds: Sequence[Ids], takes: str, rows: int, with_rows: Callable[[int], Part]) -> Part:
    """Two databases of one PostgreSQL: one whose table is emptied before each window, one that only grows."""
    empty = {ids: HttpPush(EMPTY, 100, CLIENTS, ids=ids) for ids in kinds}
    large = {ids: FilledPush(HttpPush(LARGE, 100, CLIENTS, ids=ids), rows, len(kinds)) for ids in kinds}
    labels = [LABELS[ids] for ids in kinds]
    return Part(
        name=name,
        help=f"pushes into an empty and a large table: {', '.join(labels)}",
        takes=takes,
        cells=(*empty.values(), *large.values()),
        ratios=[
            CeilingRatio(
                key=f"table-{ids}",
                label=f"push ×100, {LABELS[ids]}, {rows:,} messages stored / none",
                of=large[ids].push.key,
                base=(empty[ids].key,),
                wanted=0.8,
            )
            for ids in kinds
        ],
        rounds=6,
        measure_s=4.0,
        checkpoint_once=True,
        with_rows=with_rows,
    )


TOGETHER, AT_RANDOM = together(), at_random()
