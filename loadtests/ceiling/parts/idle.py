"""What a server takes: memory under its full load, CPU while everybody waits."""

from loadtests.ceiling.cells.http_pop import HttpPop
from loadtests.ceiling.cells.http_push import HttpPush
from loadtests.ceiling.cells.parked_polls import ParkedPolls
from loadtests.ceiling.cells.peak_memory import PeakMemory
from loadtests.ceiling.part import Part
from loadtests.ceiling.servers import ServerConfig
from loadtests.results import CeilingRatio

CLIENTS = 256
MOST_MIB = 120.0  # a worker
MOST_PERCENT = 2.0  # of a core, server and PostgreSQL together
LIMIT = f"{MOST_PERCENT:g} % of a core"  # CPU is always that of both


def part(clients: int = CLIENTS, polls: int = 1000) -> Part:
    """`clients` push and pop; `polls` wait, on one queue and on as many queues; and nobody at all waits.

    What an idle server and an idle PostgreSQL take by themselves differs from hour to hour: the cell without
    polls says how much it was in the same rounds.
    """
    idle = ServerConfig(role="idle")
    nobody = ParkedPolls(idle, 0, 1)
    loads = {
        "push": PeakMemory(HttpPush(ServerConfig(), 100, clients)),
        "pop": PeakMemory(HttpPop(ServerConfig(role="read"), 100, clients)),
    }
    parked = {
        f"{queues} queues" if queues > 1 else "1 queue": ParkedPolls(idle, polls, queues)
        for queues in (1, polls)
    }
    return Part(
        name="idle",
        help="memory of a worker under full load, CPU with parked polls",
        takes="4 minutes",
        cells=(*loads.values(), nobody, *parked.values()),
        ratios=(
            *(
                CeilingRatio(
                    key=f"memory-{name}",
                    label=f"memory of a worker, {name} ×100, {clients} clients / {MOST_MIB:g} MiB",
                    of=cell.described.key,
                    floor=MOST_MIB,
                    wanted=1.0,
                    direction="at_most",
                )
                for name, cell in loads.items()
            ),
            *(
                CeilingRatio(
                    key=f"parked-{cell.queues}",
                    label=f"CPU, {polls:,} parked polls, {where} / {LIMIT}",
                    of=cell.key,
                    floor=MOST_PERCENT,
                    wanted=1.0,
                    direction="at_most",
                )
                for where, cell in parked.items()
            ),
            CeilingRatio(
                key="parked-none",
                label=f"CPU without any poll / {LIMIT}",
                of=nobody.key,
                floor=MOST_PERCENT,
                direction="at_most",
            ),
            *(
                CeilingRatio(
                    key=f"parked-{cell.queues}-more",
                    label=f"CPU that {polls:,} polls add, {where} / {LIMIT}",
                    of=cell.key,
                    less=nobody.key,
                    floor=MOST_PERCENT,
                    direction="at_most",
                )
                for where, cell in parked.items()
            ),
        ),
        rounds=3,
        measure_s=20.0,
    )


PART = part()
