"""A table of many millions costs a push little: its rate into an empty one and into a large one."""

from loadtests.ceiling.cells.filled_push import FilledPush
from loadtests.ceiling.cells.http_push import HttpPush
from loadtests.ceiling.part import Part
from loadtests.ceiling.servers import ServerConfig
from loadtests.results import CeilingRatio

ROWS = 10_000_000
CLIENTS = 64


def part(rows: int = ROWS) -> Part:
    """Two databases of one PostgreSQL: one whose table is emptied before each window, one that only grows."""
    empty = HttpPush(ServerConfig(), 100, CLIENTS)
    large = FilledPush(HttpPush(ServerConfig(role="large"), 100, CLIENTS), rows)
    return Part(
        name="table",
        help="pushes into an empty table and into one of millions of messages",
        takes="5 minutes",
        cells=(empty, large),
        ratios=(
            CeilingRatio(
                key="table",
                label=f"push ×100, {rows:,} messages in the table / none",
                of=large.push.key,
                base=(empty.key,),
                wanted=0.8,
            ),
        ),
        rounds=6,
        measure_s=4.0,
        checkpoint_once=True,
        with_rows=part,
    )


PART = part()
