"""Where a sweep stands: its parts, the trials that ran, and what can be said from them.

No I/O in here: the runner asks what is next and tells what came of it.
"""

import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from loadtests.load.bounds import Impossible
from loadtests.results import Cell, Trial
from loadtests.sweep import experiment_rules, naming, schedule
from loadtests.sweep.experiment import Experiment, Part, PlannedCell, planned_cells
from loadtests.sweep.experiment_rules import RuleBroken
from loadtests.sweep.rate import CapacityShare, RateError
from loadtests.sweep.schedule import Outcome, PartPlan, Slot
from loadtests.sweep.task import TrialTask

OVERHEAD_S = 1.4  # of a trial beside warm-up and window, until one was measured


@dataclass(frozen=True)
class PartCells:
    """A part with its cells and their names."""

    part: Part
    cells: tuple[PlannedCell, ...]
    labels: tuple[str, ...]


class SweepState:
    """The trials of one run so far, and which comes next."""

    def __init__(self, experiment: Experiment, finished: Iterable[Trial] = ()) -> None:
        self.experiment = experiment
        self.trials: list[Trial] = list(finished)
        self.parts = [_part_cells(experiment, part) for part in experiment.part]
        self._outcomes = [outcome for trial in self.trials if (outcome := self._outcome(trial))]
        self._next_order = 1 + max((trial.order for trial in self.trials), default=-1)
        self._overheads_s: list[float] = []
        self._given_up: set[str] = set()

    @property
    def cells(self) -> list[Cell]:
        """The planned cells of all parts, in their order; a rate that follows from others is not in them."""
        return [planned.cell for part in self.parts for planned in part.cells]

    def next_slot(self, remaining_s: float | None) -> Slot | None:
        """The place to run now; None: the sweep is done."""
        return schedule.next_slot(
            self.plans(), self._outcomes, seed=self.experiment.seed, remaining_s=remaining_s
        )

    def task(self, slot: Slot, *, followed: bool) -> TrialTask:
        """The trial for a slot. Raises `RateError` when its rate does not follow from what was measured."""
        part = self._part(slot.part)
        cell = self._cell(part, part.cells[slot.cell])
        order, self._next_order = self._next_order, self._next_order + 1
        return TrialTask(
            trial_id=naming.trial_id(order, slot.part, slot.block, part.labels[slot.cell], slot.attempt),
            part=slot.part,
            block=slot.block,
            attempt=slot.attempt,
            order=order,
            cell=cell,
            warmup_s=part.part.warmup_s,
            measure_s=part.part.measure_s,
            exact_times=part.part.exact_times,
            seed=self.experiment.seed + slot.block,
            followed=followed,
        )

    def finished(self, slot: Slot, trial: Trial, took_s: float) -> None:
        """A trial is stored. `took_s` is its whole duration, for the estimates."""
        part = self._part(slot.part).part
        self.trials.append(trial)
        self._outcomes.append(Outcome(slot=slot, valid=trial.valid))
        self._overheads_s.append(max(0.0, took_s - part.warmup_s - part.measure_s))

    def failed(self, slot: Slot) -> None:
        """A trial came to nothing; its place may be tried again."""
        self._outcomes.append(Outcome(slot=slot, valid=False))

    def give_up(self, part: str) -> None:
        """Leave out what is left of a part."""
        self._given_up.add(part)

    def plans(self) -> list[PartPlan]:
        """The parts as the schedule sees them, with what a trial costs by now."""
        overhead_s = statistics.median(self._overheads_s) if self._overheads_s else OVERHEAD_S
        return [
            PartPlan(
                name=each.part.name,
                cells=len(each.cells),
                blocks=each.part.blocks,
                trial_s=each.part.warmup_s + each.part.measure_s + overhead_s,
            )
            for each in self.parts
            if each.part.name not in self._given_up
        ]

    def trials_left(self, remaining_s: float | None) -> int:
        """How many are still to run, repeats aside."""
        return schedule.trials_left(self.plans(), self._outcomes, remaining_s)

    def seconds_left(self, remaining_s: float | None) -> float:
        """How long they will take."""
        return schedule.seconds_left(self.plans(), self._outcomes, remaining_s)

    def blocks_done(self) -> int:
        """Complete blocks of the first part."""
        return schedule.complete_blocks(self.plans()[0], self._outcomes) if self.plans() else 0

    def dropped(self, remaining_s: float | None) -> Iterator[str]:
        """One line for each part that has not the blocks it was asked for."""
        blocks = schedule.affordable_blocks(self.plans(), self._outcomes, remaining_s)
        for plan, count in zip(self.plans(), blocks, strict=True):
            if count < plan.blocks:
                yield f"part {plan.name}: {count} of {plan.blocks} blocks, the budget of time allows no more"

    def short_warmups(self, name: str) -> Iterator[str]:
        """One line for each cell of an open part that is measured before its first request can time out."""
        part = self._part(name)
        for planned, label in zip(part.cells, part.labels, strict=True):
            try:
                cell = self._cell(part, planned)
            except RateError:
                return  # ended before the rate was known: nothing of this part was measured
            capacity = self._capacity_msg_s(cell)
            needed_s = capacity and experiment_rules.warmup_needed_s(cell, capacity)
            if needed_s and needed_s > part.part.warmup_s:
                yield (
                    f"part {name}, {label}: the first time-out comes after {needed_s:.1f} s, warm-up is "
                    f"{part.part.warmup_s:g} s and window {part.part.measure_s:g} s: they are undercounted"
                )

    def accounting_fails(self) -> bool:
        """Whether in any trial a message was lost, stored twice, unexplained or out of order."""
        return any(t.accounting is not None and not t.accounting.holds for t in self.trials)

    def _part(self, name: str) -> PartCells:
        return next(each for each in self.parts if each.part.name == name)

    def _cell(self, part: PartCells, planned: PlannedCell) -> Cell:
        """The cell, complete. Raises `RateError`."""
        if planned.rate is None:
            return planned.cell
        cell = planned.at_rate(self._rate_msg_s(part, planned.rate))
        try:
            experiment_rules.expect_offerable(cell)
            experiment_rules.expect_connections(self.experiment, part.part.name, cell)
        except (Impossible, RuleBroken) as error:
            why = error.text if isinstance(error, Impossible) else str(error)
            raise RateError(f"{planned.rate.text}, {cell.rate_msg_s:,.0f} msg/s: {why}") from None
        return cell

    def _rate_msg_s(self, part: PartCells, rate: CapacityShare) -> float:
        """As in the part's earlier trials, so that all are comparable; else from the capacity."""
        alike = [other for other in part.cells if other.rate == rate]
        for trial in self.trials:
            same = trial.part == part.part.name and any(other.is_cell(trial.cell) for other in alike)
            if same and trial.cell.rate_msg_s is not None:
                return trial.cell.rate_msg_s
        return rate.resolve(self.trials)

    def _capacity_msg_s(self, cell: Cell) -> float | None:
        """Median throughput of the closed-loop trials with the same server."""
        measured = [
            trial.load.throughput_msg_s
            for trial in self.trials
            if trial.valid
            and trial.cell.loop == "closed"
            and (trial.cell.strategy, trial.cell.pool, trial.cell.db_rtt_ms, trial.cell.batch)
            == (cell.strategy, cell.pool, cell.db_rtt_ms, cell.batch)
        ]
        return statistics.median(measured) if measured else None

    def _outcome(self, trial: Trial) -> Outcome | None:
        """The place of a stored trial; None: it is of no part of this experiment."""
        for each in self.parts:
            for planned in each.cells:
                if each.part.name == trial.part and planned.is_cell(trial.cell):
                    slot = Slot(part=trial.part, block=trial.block, cell=planned.index, attempt=trial.attempt)
                    return Outcome(slot=slot, valid=trial.valid)
        return None


def _part_cells(experiment: Experiment, part: Part) -> PartCells:
    cells = planned_cells(experiment, part)
    return PartCells(part, cells, naming.cell_labels([planned.cell for planned in cells]))
