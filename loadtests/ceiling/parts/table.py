"""A table of many millions costs a push little: its rate into an empty one and into a large one."""

from collections.abc import Mapping

from loadtests.ceiling.cells.filled_push import FilledPush
from loadtests.ceiling.cells.http_push import HttpPush
from loadtests.ceiling.part import Part
from loadtests.ceiling.push_body import Ids
from loadtests.ceiling.servers import ServerConfig
from loadtests.results import CeilingRatio

ROWS = 10_000_000
CLIENTS = 64


IDS: Mapping[Ids, str] = {"counting": "that count", "uuid7": "UUIDv7", "uuid4": "random UUIDs"}
WANTED = 0.8


def part(rows: int = ROWS) -> Part:
    """Two databases of one PostgreSQL: one whose table is emptied before each window, one that only grows.

    The duplicates' index keeps ids that come together on few pages; random ones touch a page each.
    """
    empty = {ids: HttpPush(ServerConfig(), 100, CLIENTS, ids=ids) for ids in IDS}
    large = {
        ids: FilledPush(HttpPush(ServerConfig(role="large"), 100, CLIENTS, ids=ids), rows) for ids in IDS
    }
    return Part(
        name="table",
        help="pushes into an empty table and into one of millions of messages, by kind of id",
        takes="8 minutes",
        cells=(*empty.values(), *large.values()),
        ratios=tuple(
            CeilingRatio(
                key=f"table-{ids}",
                label=f"push ×100, ids {name}, {rows:,} messages in the table / none",
                of=large[ids].push.key,
                base=(empty[ids].key,),
                wanted=WANTED,
            )
            for ids, name in IDS.items()
        ),
        rounds=6,
        measure_s=4.0,
        checkpoint_once=True,
        with_rows=part,
    )


PART = part()
