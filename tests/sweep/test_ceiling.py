"""Which ceilings a sweep measures, and with what."""

from pathlib import Path
from typing import cast

import pytest

from loadtests import results
from loadtests.load.plan import LoadPlan
from loadtests.results import Cell, Loop, TrialFiles
from loadtests.sweep.ceiling import IN_FLIGHT, distinct_ceilings, measure_ceiling, measurements
from loadtests.sweep.load_process import LoadProcess
from tests.sweep.made import made_load


class FakeGenerators:
    """Generators that reach 10,000 msg/s whatever their plan is, and keep it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.plans: list[LoadPlan] = []
        self.running = 0

    async def take(self) -> LoadProcess:
        self.running += 1
        self.directory = self._root / str(len(self.plans))
        self.directory.mkdir()
        return cast(LoadProcess, self)

    async def carry_out(self, plan: LoadPlan) -> None:
        self.plans.append(plan)
        results.write(TrialFiles(self.directory).load, made_load(acknowledged=10_000))

    async def stop(self) -> None:
        self.running -= 1


def test_each_loop_client_and_batch_has_a_ceiling_of_its_own_with_the_most_clients() -> None:
    few, many = Cell(clients=4), Cell(clients=64)
    offered, single = Cell(loop="open", clients=8), Cell(batch=1)
    assert distinct_ceilings([many, few, offered, single]) == {
        "raw/batch=10": many,
        "raw/batch=10/open": offered,
        "raw/batch=1": single,
    }


@pytest.mark.parametrize(("loop", "loops"), [("closed", ["closed"]), ("open", ["closed", "open"])])
async def test_a_ceiling_is_measured_in_the_loop_of_its_cell(
    tmp_path: Path, loop: Loop, loops: list[str]
) -> None:
    generators = FakeGenerators(tmp_path)
    cell = Cell(loop=loop, clients=16, batch=5, payload_bytes=77, partitions=3, arrivals="poisson")
    assert await measure_ceiling(cell, generators.take, seed=3, stamped=True) == 10_000
    assert [plan.loop for plan in generators.plans] == loops
    assert len(loops) == measurements(cell)
    assert generators.running == 0
    for plan in generators.plans:
        assert (plan.users, plan.batch, plan.payload_bytes, plan.partitions) == (16, 5, 77, 3)
        assert plan.consuming is not None, "its messages carry a stamp"
        assert plan.host.startswith("http://127.0.0.1:")
    last = generators.plans[-1]
    if loop == "open":
        assert (last.rate_msg_s, last.phase, last.in_flight) == (10_000, "poisson", IN_FLIGHT // 16)
