"""Jobs: run now and then, one run at a time, whatever happens, until they are stopped."""

import asyncio
import logging

import pytest

from queen.errors import DatabaseUnavailable
from queen.jobs.periodic import Periodic
from tests.waiting import until


class Work:
    """A job that does what its `todo` holds: raise something, or hang."""

    name = "work"

    def __init__(self, *todo: Exception, interval_s: float = 0.001, hangs: bool = False) -> None:
        self.todo = list(todo)
        self.interval_s = interval_s
        self.hangs = hangs
        self.runs = 0
        self.running = 0
        self.cancelled = False

    async def run(self) -> None:
        self.runs += 1
        self.running += 1
        assert self.running == 1
        try:
            await asyncio.Event().wait() if self.hangs else await asyncio.sleep(0)
            if self.todo:
                raise self.todo.pop(0)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        finally:
            self.running -= 1


async def test_a_job_runs_again_and_again_until_the_end() -> None:
    work = Work()
    async with Periodic([work]).running():
        await until(lambda: work.runs >= 5)
    runs, other = work.runs, Work()
    async with Periodic([other]).running():
        await until(lambda: other.runs >= 5)
    assert work.runs == runs, "as many pauses later"


async def test_the_first_run_does_not_come_at_the_start() -> None:
    hour = Work(interval_s=3600)
    soon = Work()
    async with Periodic([hour, soon]).running():
        await until(lambda: soon.runs > 0)
        assert hour.runs == 0


async def test_a_run_that_fails_is_told_counted_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "queen.jobs")
    work = Work(DatabaseUnavailable("database unavailable: gone"), ValueError("a fault of ours"))
    jobs = Periodic([work])
    async with jobs.running():
        await until(lambda: work.runs >= 3)
        assert jobs.failures == 2
    told = [(record.levelname, record.getMessage(), record.exc_info is None) for record in caplog.records]
    assert told == [("WARNING", "job_failed", True), ("ERROR", "job_failed", False)]


async def test_one_job_does_not_wait_for_another() -> None:
    stuck, work = Work(hangs=True), Work()
    async with Periodic([stuck, work]).running():
        await until(lambda: stuck.runs == 1 and work.runs >= 3)
    assert stuck.cancelled


async def test_stop_ends_a_run_at_once_and_for_good() -> None:
    work = Work(hangs=True)
    jobs = Periodic([work])
    async with asyncio.timeout(5), jobs.running():
        await until(lambda: work.runs == 1)
        jobs.stop()
        await until(lambda: work.cancelled)
    assert work.runs == 1


async def test_a_server_that_is_stopped_meanwhile_stops_its_jobs() -> None:
    work = Work(hangs=True)

    async def serve() -> None:
        async with Periodic([work]).running():
            await asyncio.Event().wait()

    serving = asyncio.create_task(serve())
    await until(lambda: work.runs == 1)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert work.cancelled
