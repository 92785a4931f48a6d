"""What a sweep refuses to begin with, and what it says of loads that it knows only on the way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from loadtests.results import RunFiles, Trial
from loadtests.sweep import experiment_file, runner
from loadtests.sweep.runner import Sweep, SweepRequest, require_space
from loadtests.sweep.task import TrialTask
from queen.errors import UserError
from tests.progress import Told
from tests.sweep.made import made_trial

FROM_A_CAPACITY = """
title = "t"
[[part]]
name = "capacity"
clients = 32
strategy = "sequential"
warmup_s = 0.5
measure_s = 1.0
blocks = 1
[[part]]
name = "open"
loop = "open"
shape = "reasonable"
rate_msg_s = "40.9 * capacity(sequential)"
connection_timeout_ms = 250
warmup_s = 1
measure_s = 2
blocks = 2
"""


def test_a_full_disk_is_one_line_that_names_the_directory(tmp_path: Path) -> None:
    require_space([tmp_path], least_free_bytes=0)
    with pytest.raises(UserError, match=f"^{tmp_path}: .* GB free, a sweep needs 1000000000 GB$"):
        require_space([tmp_path], least_free_bytes=10**18)


@pytest.mark.parametrize(
    ("settings", "measured", "line"),
    [
        ("", 3, "part open: 4,090 clients, with 16 connections beside them, are more than the 4,096 "),
        ("[settings]\nMAX_CLIENTS = 4105", 1, "part open is left out: 40.9 * capacity(sequential), 409,000 "),
    ],
)
async def test_clients_that_follow_from_a_capacity_are_told_of_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: str, measured: int, line: str
) -> None:
    """On paper: each trial is had at once, with 10,000 messages a second."""

    async def had_at_once(task: TrialTask, _bench: object) -> Trial:
        return made_trial(cell=task.cell, part=task.part, block=task.block, order=task.order)

    @asynccontextmanager
    async def nothing_started(_sweep: Sweep) -> AsyncIterator[None]:
        yield

    monkeypatch.setattr(runner, "run_trial", had_at_once)
    monkeypatch.setattr(Sweep, "_bench", nothing_started)
    experiment = experiment_file.loads(FROM_A_CAPACITY + settings, source="e.toml")
    told = Told()
    sweep = Sweep(
        SweepRequest(experiment=experiment, run=RunFiles(tmp_path), command=(), environ={}), progress=told
    )
    await sweep.run()
    assert len(sweep.state.trials) == measured
    assert sum(each.startswith(line) for each in told.lines) == 1
