"""One worker or two with the same pool in all, clients to the first or evenly: what is faster."""

from loadtests.ceiling.cells.few_clients import FewClients
from loadtests.ceiling.cells.http_pop import HttpPop
from loadtests.ceiling.cells.http_push import HttpPush
from loadtests.ceiling.part import Cell, Part
from loadtests.ceiling.servers import ServerConfig
from loadtests.results import CeilingRatio

CLIENTS, FEW_CLIENTS, SMALL_POOL = 64, 8, 4


_Loads = dict[str, HttpPush | HttpPop]


def _loads(workers: int, balance: str = "auto") -> _Loads:
    writing = ServerConfig(workers=workers, balance=balance)
    reading = ServerConfig(workers=workers, balance=balance, role="read")
    return {
        "push-1": HttpPush(writing, 1, CLIENTS),
        "push-100": HttpPush(writing, 100, CLIENTS),
        "pop-100": HttpPop(reading, 100, CLIENTS),
        "pop-ack-100": HttpPop(reading, 100, CLIENTS, ack=True),
    }


def _few(workers: int) -> FewClients:
    """By `batch`: each request waits for a connection of its own, and the kernel deals the clients out."""
    return FewClients(HttpPush(ServerConfig("batch", workers, SMALL_POOL), 100, FEW_CLIENTS))


NAMES = {
    "push-1": "push ×1",
    "push-100": "push ×100",
    "pop-100": "pop ×100",
    "pop-ack-100": "pop, then ack ×100",
}
_ONE, _TWO, _EVEN = _loads(1), _loads(2), _loads(2, "even")
_ONE_FEW, _TWO_FEW = _few(1), _few(2)
CELLS: tuple[Cell, ...] = (*_ONE.values(), *_TWO.values(), *_EVEN.values(), _ONE_FEW, _TWO_FEW)
_FEW = f"{FEW_CLIENTS} clients, pool of {SMALL_POOL}"


def _ratios(prefix: str, label: str, of: _Loads, base: _Loads) -> list[CeilingRatio]:
    """One for each load."""
    return [
        CeilingRatio(
            key=f"{prefix}-{load}", label=f"{label}: {name}", of=of[load].key, base=(base[load].key,)
        )
        for load, name in NAMES.items()
    ]


PART = Part(
    name="workers",
    help="one worker or two with the same pool, few clients of a small one",
    takes="5 minutes",
    cells=CELLS,
    ratios=(
        *_ratios("workers", "1 worker / 2 workers", _ONE, _TWO),
        *_ratios("balance", "2 workers, clients to the first / evenly", _TWO, _EVEN),
        CeilingRatio(
            key="workers-few",
            label=f"1 worker / 2 workers: push ×100, {_FEW}, batch",
            of=_ONE_FEW.key,
            base=(_TWO_FEW.key,),
        ),
        CeilingRatio(
            key="few-p99",
            label=f"2 workers / 1 worker, p99, {_FEW}, batch",
            of=_TWO_FEW.key,
            base=(_ONE_FEW.key,),
            figure="p99_ms",
            direction="at_most",
        ),
        CeilingRatio(
            key="few-share",
            label="connections of the busier of 2 workers / half of them",
            of=_TWO_FEW.key,
            figure="busiest_percent",
            floor=50.0,
            direction="at_most",
        ),
    ),
    rounds=10,  # each is another draw of who comes to whom
)
