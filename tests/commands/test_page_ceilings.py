"""When the generator's ceiling is measured under the page: between two runs, and never beside one."""

import asyncio
import time
from pathlib import Path

import psutil
import pytest

from loadtests.commands import load_ceiling
from loadtests.commands.page_ceilings import PageCeilings
from loadtests.results import RunFiles
from queen.local.process import ChildFailed
from tests.commands.test_load import acknowledged_run
from tests.waiting import until

ONE, TWO = RunFiles(Path("one")), RunFiles(Path("two"))
MAKES_WAY_S = 5.0  # a start waits no longer


class Judge:
    """Measures as long as it is told to; `begun` and `done` are run and directory of each time."""

    def __init__(self) -> None:
        self.begun: list[tuple[RunFiles, Path]] = []
        self.done: list[RunFiles] = []
        self.may_end = asyncio.Event()
        self.running = 0
        self.fails: set[RunFiles] = set()

    async def __call__(self, run: RunFiles, scratch: Path) -> None:
        self.begun.append((run, scratch))
        self.running += 1
        try:
            await self.may_end.wait()
            if run in self.fails:
                raise ChildFailed("no generator", "")
        finally:
            self.running -= 1
        self.done.append(run)


async def test_each_run_has_its_turn_in_a_directory_of_its_own(tmp_path: Path) -> None:
    judge = Judge()
    judge.may_end.set()
    ceilings = PageCeilings(judge, tmp_path)
    ceilings.want(ONE)
    ceilings.want(TWO)
    assert judge.begun == []
    ceilings.go_on()
    await until(lambda: judge.done == [ONE, TWO])
    assert len({directory for _, directory in judge.begun}) == 2
    ceilings.go_on()
    await asyncio.sleep(0)
    assert judge.done == [ONE, TWO]


async def test_who_needs_the_machine_has_it_at_once_and_the_measurement_is_made_anew(tmp_path: Path) -> None:
    judge = Judge()
    ceilings = PageCeilings(judge, tmp_path)
    ceilings.want(ONE)
    ceilings.go_on()
    await until(lambda: judge.running == 1)
    await ceilings.make_way()
    assert (judge.running, judge.done) == (0, [])
    judge.may_end.set()
    ceilings.go_on()
    await until(lambda: judge.done == [ONE])
    assert len({directory for _, directory in judge.begun}) == 2  # nothing of the first try is taken for new


async def test_one_that_cannot_be_measured_is_said_and_keeps_no_other_from_its_turn(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    judge = Judge()
    judge.fails.add(ONE)
    judge.may_end.set()
    ceilings = PageCeilings(judge, tmp_path)
    ceilings.want(ONE)
    ceilings.want(TWO)
    ceilings.go_on()
    await until(lambda: judge.done == [TWO])
    assert "the generator's ceiling is not known: no generator" in caplog.text


async def test_a_real_measurement_that_is_given_up_leaves_no_process_and_holds_up_no_start(
    tmp_path: Path,
) -> None:
    ours = psutil.Process()
    before = set(ours.children(recursive=True))

    def started() -> set[psutil.Process]:
        return set(ours.children(recursive=True)) - before

    ceilings = PageCeilings(load_ceiling.judge, tmp_path / "scratch")
    ceilings.want(acknowledged_run(tmp_path, "load-t1"))
    ceilings.go_on()
    await until(lambda: len(started()) == 2)  # the generator and the server that does nothing
    begun_s = time.perf_counter()
    await ceilings.make_way()
    assert time.perf_counter() - begun_s < MAKES_WAY_S
    assert started() == set()
