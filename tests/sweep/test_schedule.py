"""The schedule keeps its promises for any plan, any budget and any interruption."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from loadtests.sweep.schedule import (
    MAX_ATTEMPTS,
    MIN_BLOCKS,
    Outcome,
    PartPlan,
    Slot,
    affordable_blocks,
    block_order,
    complete_blocks,
    next_slot,
    seconds_left,
    trials_left,
)

plans = st.lists(
    st.builds(
        PartPlan,
        name=st.sampled_from("abc"),
        cells=st.integers(1, 5),
        blocks=st.integers(1, 6),
        trial_s=st.floats(0.5, 4),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda part: part.name,
)
seeds = st.integers(0, 1000)


def run_all(
    parts: list[PartPlan], seed: int, budget_s: float | None = None, invalid: frozenset[Slot] = frozenset()
) -> list[Outcome]:
    """Run the schedule to its end on a clock that each trial moves by what it was said to cost."""
    history: list[Outcome] = []
    spent_s = 0.0
    while True:
        remaining_s = None if budget_s is None else budget_s - spent_s
        slot = next_slot(parts, history, seed=seed, remaining_s=remaining_s)
        if slot is None:
            return history
        spent_s += next(part.trial_s for part in parts if part.name == slot.part)
        history.append(Outcome(slot=slot, valid=slot not in invalid))


@given(plans, seeds)
def test_without_a_budget_every_cell_runs_once_a_block(parts: list[PartPlan], seed: int) -> None:
    ran = Counter(outcome.slot for outcome in run_all(parts, seed))
    assert ran == Counter(
        Slot(part=part.name, block=block, cell=cell)
        for part in parts
        for block in range(part.blocks)
        for cell in range(part.cells)
    )


@given(plans, seeds, st.floats(0, 100))
def test_blocks_are_whole_and_never_below_the_least(
    parts: list[PartPlan], seed: int, budget_s: float
) -> None:
    history = run_all(parts, seed, budget_s)
    for part in parts:
        cells = Counter(outcome.slot.cell for outcome in history if outcome.slot.part == part.name)
        assert len(set(cells.values())) == 1, "each cell has as many repeats as any other"
        assert min(MIN_BLOCKS, part.blocks) <= complete_blocks(part, history) <= part.blocks


@given(plans, seeds, st.floats(0, 100))
def test_the_budget_is_kept_unless_the_least_exceeds_it(
    parts: list[PartPlan], seed: int, budget_s: float
) -> None:
    cost_s = sum(
        next(part.trial_s for part in parts if part.name == outcome.slot.part)
        for outcome in run_all(parts, seed, budget_s)
    )
    least_s = sum(part.trial_s * part.cells * min(MIN_BLOCKS, part.blocks) for part in parts)
    assert cost_s <= max(budget_s, least_s) + 1e-6


@given(plans, st.floats(0, 100), st.floats(0, 100))
def test_more_time_never_means_fewer_trials(parts: list[PartPlan], one_s: float, other_s: float) -> None:
    less_s, more_s = sorted((one_s, other_s))
    assert trials_left(parts, (), less_s) <= trials_left(parts, (), more_s)


@given(plans, seeds, st.data())
def test_resuming_runs_only_what_is_missing(parts: list[PartPlan], seed: int, data: st.DataObject) -> None:
    whole = run_all(parts, seed)
    kept = data.draw(st.lists(st.sampled_from(whole), unique_by=lambda outcome: outcome.slot))
    history = list(kept)
    while slot := next_slot(parts, history, seed=seed, remaining_s=None):
        history.append(Outcome(slot=slot, valid=True))
    assert Counter(history) == Counter(whole)


@given(plans, seeds, st.data())
def test_invalid_trials_are_repeated_a_bounded_number_of_times(
    parts: list[PartPlan], seed: int, data: st.DataObject
) -> None:
    first = [outcome.slot for outcome in run_all(parts, seed)]
    bad = data.draw(st.sampled_from(first))
    always = frozenset(
        Slot(part=bad.part, block=bad.block, cell=bad.cell, attempt=n) for n in range(MAX_ATTEMPTS)
    )
    once = frozenset({bad})
    assert len(run_all(parts, seed, invalid=once)) == len(first) + 1
    assert len(run_all(parts, seed, invalid=always)) == len(first) + MAX_ATTEMPTS - 1


@given(plans, seeds)
def test_a_repeat_runs_before_the_next_block(parts: list[PartPlan], seed: int) -> None:
    part = parts[0]
    bad = Slot(part=part.name, block=0, cell=0)
    history = run_all(parts, seed, invalid=frozenset({bad}))
    assert history[part.cells].slot == Slot(part=part.name, block=0, cell=0, attempt=1)


def test_no_repeat_when_it_would_cost_a_block() -> None:
    parts = [PartPlan(name="a", cells=2, blocks=4, trial_s=1.0)]
    bad = frozenset({Slot(part="a", block=0, cell=0)})
    assert [o.slot.attempt for o in run_all(parts, 1, budget_s=8.5, invalid=bad)] == [0] * 8
    assert sum(o.slot.attempt for o in run_all(parts, 1, budget_s=9.0, invalid=bad)) == 1


def test_the_longest_part_gives_its_blocks_up_first_and_a_begun_block_is_finished() -> None:
    parts = [
        PartPlan(name="capacity", cells=2, blocks=5, trial_s=1.0),
        PartPlan(name="timeouts", cells=1, blocks=2, trial_s=4.0),
    ]
    assert affordable_blocks(parts, (), 18.0) == [5, 2]
    assert affordable_blocks(parts, (), 16.5) == [4, 2]
    assert affordable_blocks(parts, (), 0.0) == [3, 2]
    begun = [Outcome(slot=Slot(part="capacity", block=4, cell=1), valid=True)]
    assert affordable_blocks(parts, begun, 0.0) == [5, 2]
    assert seconds_left(parts, begun, 0.0) == 17.0


def test_orders_differ_between_blocks_and_seeds_and_repeat_with_the_seed() -> None:
    part = PartPlan(name="a", cells=12, blocks=3, trial_s=1.0)
    orders = [block_order(part, block, seed) for block in range(3) for seed in (1, 2)]
    assert len({tuple(order) for order in orders}) == 6
    assert block_order(part, 1, 1) == orders[2]
