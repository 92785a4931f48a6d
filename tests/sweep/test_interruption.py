"""A signal cancels the work once, and cleaning up is never cut short."""

import asyncio
import os
import signal

import pytest

from loadtests.sweep.interruption import Interrupted, run_until_interrupted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_cancel_once_and_cleaning_up_is_finished(number: signal.Signals) -> None:
    cleaned: list[str] = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            os.kill(os.getpid(), number)  # an impatient user
            for _ in range(10):
                await asyncio.sleep(0)
            cleaned.append("all")

    with pytest.raises(Interrupted):
        run_until_interrupted(work())
    assert cleaned == ["all"]


def test_results_and_errors_come_through() -> None:
    async def answer() -> int:
        return 42

    async def fail() -> None:
        raise ValueError("no")

    assert run_until_interrupted(answer()) == 42
    with pytest.raises(ValueError, match="no"):
        run_until_interrupted(fail())
