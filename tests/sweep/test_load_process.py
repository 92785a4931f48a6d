"""The load process waits for its plan; what was never used is ended."""

import sys
from pathlib import Path

import psutil
import pytest

from loadtests.load.plan import LoadPlan, decode
from loadtests.sweep.load_process import LoadProcess, LoadStage
from queen.local.process import ChildFailed

READ_PLAN = """
import os, pathlib, shutil, sys, time
plan = pathlib.Path(os.environ["QUEEN_LOAD_PLAN"])
while not plan.exists():
    time.sleep(0.005)
shutil.copy(plan, plan.with_name("seen.json"))
print(sorted(name for name in os.environ if name.startswith(("LOCUST_", "PG_PASS"))))
sys.exit(int(sys.argv[1]))
"""


def command(exit_code: int) -> tuple[str, ...]:
    return (sys.executable, "-c", READ_PLAN, str(exit_code))


def plan(directory: Path) -> LoadPlan:
    return LoadPlan(host="http://127.0.0.1:1", trial_directory=str(directory), run_tag="t0a0", measure_s=0.1)


async def test_it_gets_its_plan_whole_and_none_of_our_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCUST_USERS", "5")
    monkeypatch.setenv("PG_PASSWORD", "secret")
    load = await LoadProcess.start(tmp_path / "0001", command(0))
    try:
        await load.carry_out(plan(load.directory))
    finally:
        await load.stop()
    assert decode((load.directory / "seen.json").read_bytes()) == plan(load.directory)
    assert (load.directory / "locust.log").read_text() == "[]\n"


async def test_a_load_process_that_fails_is_said(tmp_path: Path) -> None:
    load = await LoadProcess.start(tmp_path, command(7))
    with pytest.raises(ChildFailed, match="Locust ended with exit code 7"):
        await load.carry_out(plan(tmp_path))
    await load.stop()


async def test_a_stage_ends_the_process_that_nobody_took(tmp_path: Path) -> None:
    before = {child.pid for child in psutil.Process().children()}
    async with LoadStage(tmp_path) as stage:
        taken = await stage.take()
        await stage.prepare()
        await stage.prepare()
        mine = [child for child in psutil.Process().children() if child.pid not in before]
        waiting = [child for child in mine if child.pid != taken.pid]
        assert len(waiting) == 1
        await taken.stop()
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["0001", "0002"]
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in waiting)
