"""What a master and its workers say to each other about a run: bytes inside Locust's own messages.

Down go orders, up come reports. Every one names the run that it is about, by its tag or by its part, so
that what comes too late is known for that. Orders carry numbers and may come twice.

A worker that begins, with the others or later, finds the `Briefing` among the options that Locust sends
along with its users.
"""

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from loadtests.load.conducting.course import Stage
from loadtests.load.measuring.part import Part
from loadtests.load.plan import LoadPlan

BRIEFING_OPTION = "queen_briefing"  # in Locust's parsed options; made by the master, not to be chosen
STAGE, WINDOW, COLLECT, FINISH = "queen.stage", "queen.window", "queen.collect", "queen.finish"  # to workers
REPORT = "queen.report"  # to the master

Said = TypeVar("Said")


class StageOrder(Struct, frozen=True):
    """Change the offered load, to that of the stage with this serial number of the run."""

    run_tag: str
    stage: Stage
    serial: int


class Briefing(Struct, frozen=True):
    """The run as it is when a worker joins it."""

    plan: LoadPlan  # the worker puts its own number in
    window: int = 0  # the latest; 0: still the warm-up
    open: bool = True
    stage: StageOrder | None = None  # None: the load of the plan


class WindowOrder(Struct, frozen=True):
    """Open window `window`, or close it if it is still the latest."""

    run_tag: str
    window: int
    open: bool


class CollectOrder(Struct, frozen=True):
    """Report window `window`, steps included; the report repeats `serial`."""

    run_tag: str
    window: int
    serial: int


class FinishOrder(Struct, frozen=True):
    """Stop issuing, wait at most `drain_s` for answers, and say the last word."""

    run_tag: str
    drain_s: float


class Report(Struct, frozen=True):
    """What a worker has measured, one part for each window."""

    parts: tuple[Part, ...]  # never empty; the latest window alone unless final; the last knows the whole run
    serial: int = 0  # of the order that it answers; 0: a checkpoint of its own accord
    final: bool = False  # the last word of this worker about this run


def pack(said: Struct) -> dict[str, bytes]:
    """An order or a report as the data of a Locust message."""
    return {"queen": msgspec.msgpack.encode(said)}


def unpack(data: Any, said: type[Said]) -> Said:
    """The order or report in a message. Raises msgspec.MsgspecError for anything else."""
    content = data.get("queen") if isinstance(data, dict) else None
    if not isinstance(content, bytes):
        raise msgspec.ValidationError("not a message of ours")
    return msgspec.msgpack.decode(content, type=said)
