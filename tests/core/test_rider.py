"""What whoever waits for a shared call is told, by `await` and by a callback."""

import asyncio
import time

import pytest

from queen.core.deadline import Deadline
from queen.core.rider import Rider
from queen.errors import PoolTimeout

Some = Rider[str, str | None]


def rider() -> Some:
    now_s = time.monotonic()
    return Rider("asked", 1, Deadline(now_s + 10), now_s, now_s + 10)


def told(each: Some) -> list[object]:
    """Fills with what it comes to."""
    outcomes: list[object] = []

    def take(done: Some) -> None:
        try:
            outcomes.append(done.result())
        except (PoolTimeout, asyncio.CancelledError) as error:
            outcomes.append(type(error))

    each.add_done_callback(take)
    return outcomes


@pytest.mark.parametrize(
    ("outcome", "expected"), [("stored", "stored"), (None, None), (PoolTimeout(), PoolTimeout)]
)
async def test_the_callback_is_called_by_whoever_tells(outcome: str | PoolTimeout, expected: object) -> None:
    sut = rider()
    outcomes = told(sut)
    assert outcomes == []
    sut.tell(outcome)
    assert sut.done and outcomes == [expected]


async def test_nobody_is_told_twice() -> None:
    sut = rider()
    outcomes = told(sut)
    sut.tell("first")
    sut.tell("second")
    sut.cancel()
    assert outcomes == ["first"] and sut.result() == "first"


async def test_one_that_was_cancelled_learns_of_that_at_once_and_of_nothing_else() -> None:
    sut = rider()
    outcomes = told(sut)
    sut.cancel()
    sut.tell("late")
    assert outcomes == [asyncio.CancelledError]


async def test_who_comes_when_all_is_over_is_told_at_once() -> None:
    sut = rider()
    sut.tell("early")
    assert told(sut) == ["early"]
    assert await sut == "early"


async def test_who_awaits_it_gets_the_outcome_or_the_failure() -> None:
    for outcome in ("stored", None):
        sut = rider()
        asyncio.get_running_loop().call_soon(sut.tell, outcome)
        assert await sut == outcome
    sut = rider()
    asyncio.get_running_loop().call_soon(sut.tell, PoolTimeout())
    with pytest.raises(PoolTimeout):
        await sut


async def test_a_task_that_stops_awaiting_it_cancels_it() -> None:
    sut = rider()

    async def wait() -> str | None:
        return await sut

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert sut.done
    with pytest.raises(asyncio.CancelledError):
        sut.result()


async def test_riders_that_share_a_failure_share_no_traceback() -> None:
    """Or the frames of all of them, and what these hold, would live as long as the last one."""
    failure = PoolTimeout()
    depths = []
    for _ in range(3):
        sut = rider()
        sut.tell(failure)
        with pytest.raises(PoolTimeout) as caught:
            sut.result()
        depths.append(len(caught.traceback))
    assert depths == [depths[0]] * 3
