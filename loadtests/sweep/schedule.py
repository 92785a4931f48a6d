"""Which trial runs next: complete blocks, shuffled inside, within a budget of time.

A block holds each cell of a part once, in an order that depends on the seed alone: a machine that
drifts cannot favour a cell, and a dropped block takes one repeat from every cell. Everything here is a
pure function of the plan and of the trials that ran (in whatever order, in however many sittings), so
resuming is nothing special.

The budget: when what is left to run costs more than what is left of the budget, whole blocks are
dropped from the end, never below three (or fewer, where fewer were asked) and never one that has
begun. What time is left over goes to repeats of invalid trials, at the end of their block.
"""

import random
from collections import Counter
from collections.abc import Collection, Sequence

from msgspec import Struct

MIN_BLOCKS = 3  # fewer give no interval worth printing
MAX_ATTEMPTS = 2  # of one place, the first try included


class PartPlan(Struct, frozen=True, kw_only=True):
    """What the schedule must know of a part."""

    name: str
    cells: int
    blocks: int
    trial_s: float  # one trial, start and stop included: measured, or estimated before the first


class Slot(Struct, frozen=True, kw_only=True):
    """A place in the schedule: one cell in one block. `attempt` > 0 repeats an invalid trial."""

    part: str
    block: int
    cell: int
    attempt: int = 0


class Outcome(Struct, frozen=True, kw_only=True):
    """A slot that ran."""

    slot: Slot
    valid: bool


def block_order(part: PartPlan, block: int, seed: int) -> list[int]:
    """The cells of a block in the order in which they run."""
    order = list(range(part.cells))
    random.Random(f"{seed}/{part.name}/{block}").shuffle(order)
    return order


def affordable_blocks(
    parts: Sequence[PartPlan], history: Collection[Outcome], remaining_s: float | None
) -> list[int]:
    """Number of blocks of each part that fit into the time left (None: no limit)."""
    ran = _places(history)
    blocks = [part.blocks for part in parts]
    floors = [max(min(MIN_BLOCKS, part.blocks), _begun(part, ran)) for part in parts]
    while remaining_s is not None and _cost_s(parts, blocks, ran) > remaining_s:
        spare = [index for index in range(len(parts)) if blocks[index] > floors[index]]
        if not spare:
            break
        blocks[max(spare, key=lambda index: blocks[index])] -= 1
    return blocks


def next_slot(
    parts: Sequence[PartPlan], history: Collection[Outcome], *, seed: int, remaining_s: float | None
) -> Slot | None:
    """The trial to run now, or None when the sweep is done. `remaining_s` None: no limit of time."""
    ran = _places(history)
    blocks = affordable_blocks(parts, history, remaining_s)
    to_spare_s = None if remaining_s is None else remaining_s - _cost_s(parts, blocks, ran)
    for part, count in zip(parts, blocks, strict=True):
        for block in range(count):
            order = block_order(part, block, seed)
            for cell in order:
                if (part.name, block, cell) not in ran:
                    return Slot(part=part.name, block=block, cell=cell)
            if to_spare_s is not None and to_spare_s < part.trial_s:
                continue
            if repeat := _repeat(part, block, order, history):
                return repeat
    return None


def trials_left(parts: Sequence[PartPlan], history: Collection[Outcome], remaining_s: float | None) -> int:
    """How many trials are still to run, repeats of invalid ones aside."""
    ran = _places(history)
    return sum(
        _unrun(part, count, ran)
        for part, count in zip(parts, affordable_blocks(parts, history, remaining_s), strict=True)
    )


def seconds_left(parts: Sequence[PartPlan], history: Collection[Outcome], remaining_s: float | None) -> float:
    """What the trials still to run will take."""
    ran = _places(history)
    return _cost_s(parts, affordable_blocks(parts, history, remaining_s), ran)


def complete_blocks(part: PartPlan, history: Collection[Outcome]) -> int:
    """How many blocks of a part ran to their end."""
    ran = _places(history)
    return sum(
        all((part.name, block, cell) in ran for cell in range(part.cells)) for block in range(part.blocks)
    )


Place = tuple[str, int, int]  # part, block, cell


def _places(history: Collection[Outcome]) -> set[Place]:
    """Where a trial ran."""
    return {(outcome.slot.part, outcome.slot.block, outcome.slot.cell) for outcome in history}


def _begun(part: PartPlan, ran: set[Place]) -> int:
    return 1 + max((block for name, block, _ in ran if name == part.name), default=-1)


def _unrun(part: PartPlan, blocks: int, ran: set[Place]) -> int:
    done = sum(name == part.name and block < blocks and cell < part.cells for name, block, cell in ran)
    return blocks * part.cells - done


def _cost_s(parts: Sequence[PartPlan], blocks: Sequence[int], ran: set[Place]) -> float:
    return sum(part.trial_s * _unrun(part, count, ran) for part, count in zip(parts, blocks, strict=True))


def _repeat(part: PartPlan, block: int, order: Sequence[int], history: Collection[Outcome]) -> Slot | None:
    """The first place of a block whose trials were all invalid and that may be tried again."""
    mine = [outcome for outcome in history if (outcome.slot.part, outcome.slot.block) == (part.name, block)]
    attempts = Counter(outcome.slot.cell for outcome in mine)
    valid = {outcome.slot.cell for outcome in mine if outcome.valid}
    for cell in order:
        if cell not in valid and attempts[cell] < MAX_ATTEMPTS:
            return Slot(part=part.name, block=block, cell=cell, attempt=attempts[cell])
    return None
