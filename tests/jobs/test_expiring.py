"""A sweep: step after step until all partitions were seen, or time is up."""

import pytest

from queen.core.deadline import Deadline
from queen.core.expiry import Expiry, Step
from queen.errors import DatabaseUnavailable
from queen.jobs import expiring
from queen.jobs.expiring import Expiring, expiring_jobs
from queen.settings import Settings


class Expirer:
    """Answers steps as they were written down."""

    def __init__(self, *steps: Step | Exception) -> None:
        self.steps = list(steps)
        self.asked: list[tuple[Expiry, int, int]] = []

    async def delete_prefixes(self, expiry: Expiry, after: int, most: int, deadline: Deadline) -> Step:
        self.asked.append((expiry, after, most))
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


def eviction(expirer: Expirer) -> Expiring:
    return Expiring(expirer, Expiry.EVICTION, interval_ms=1000, batch=50, timeout_ms=1000)


async def test_each_step_goes_on_where_the_one_before_ended() -> None:
    expirer = Expirer(Step(50, 3), Step(0, 1003), Step(7, None), Step(0, None))
    job = eviction(expirer)
    await job.run()
    assert job.deleted == 57
    await job.run()
    assert expirer.asked == [(Expiry.EVICTION, after, 50) for after in (0, 3, 1003, 0)]


async def test_a_sweep_that_failed_goes_on_where_it_was() -> None:
    expirer = Expirer(Step(50, 3), DatabaseUnavailable("gone"), Step(1, None))
    job = eviction(expirer)
    with pytest.raises(DatabaseUnavailable):
        await job.run()
    await job.run()
    assert job.deleted == 51
    assert [after for _, after, _ in expirer.asked] == [0, 3, 3]


async def test_a_sweep_that_takes_too_long_goes_on_in_the_next_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiring, "LONGEST_RUN_S", 0.0)
    expirer = Expirer(Step(50, 3), Step(50, 4))
    job = eviction(expirer)
    await job.run()
    await job.run()
    assert [after for _, after, _ in expirer.asked] == [0, 3]


def test_the_settings_say_how_often_and_how_much() -> None:
    settings = Settings(retention_interval=5000, retention_batch_size=10, eviction_interval=7000)
    retention, evicting = expiring_jobs(Expirer(), settings)
    assert (retention.name, retention.interval_s) == ("retention", 5.0)
    assert (evicting.name, evicting.interval_s) == ("eviction", 7.0)
