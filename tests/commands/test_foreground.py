"""A command in the foreground: signals cancel what opens and closes around it, and nothing is left open."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from queen.commands.foreground import SIGNALS, held_open, sigterm_interrupts

each_signal = pytest.mark.parametrize("number", SIGNALS)


@pytest.fixture(autouse=True)
def _handlers_are_as_before() -> object:
    before = [signal.getsignal(number) for number in SIGNALS]
    yield
    assert [signal.getsignal(number) for number in SIGNALS] == before


def nothing() -> None:
    """What most do while opening."""


@asynccontextmanager
async def opened(
    record: list[str], opening: Callable[[], None] = nothing, closing: Callable[[], None] = nothing
) -> AsyncIterator[str]:
    """Something to hold open that waits long, should nobody end it, wherever it is told to do something."""
    try:
        await moment(opening)
        record.append("open")
        yield "held"
        await moment(closing)
    finally:
        record.append("closed")


async def moment(do: Callable[[], None]) -> None:
    if do is not nothing:
        asyncio.get_running_loop().call_soon(do)
        await asyncio.Event().wait()  # that never comes


def test_it_is_open_in_the_block_and_closed_after_it() -> None:
    record: list[str] = []
    with held_open(opened(record)) as held:
        assert (held, record) == ("held", ["open"])
    assert record == ["open", "closed"]


def test_what_fails_in_the_block_closes_it() -> None:
    record: list[str] = []
    with pytest.raises(LookupError), held_open(opened(record)):
        raise LookupError
    assert record == ["open", "closed"]


@each_signal
def test_a_signal_while_it_opens_interrupts_it(number: signal.Signals) -> None:
    record: list[str] = []
    with (
        pytest.raises(KeyboardInterrupt),
        held_open(opened(record, opening=lambda: signal.raise_signal(number))),
    ):
        record.append("entered")
    assert record == ["closed"]


@each_signal
def test_a_signal_while_it_closes_interrupts_it(number: signal.Signals) -> None:
    record: list[str] = []
    with (
        pytest.raises(KeyboardInterrupt),
        held_open(opened(record, closing=lambda: signal.raise_signal(number))),
    ):
        record.append("entered")
    assert record == ["open", "entered", "closed"]


@each_signal
def test_a_signal_that_comes_too_late_to_cancel_the_opening_is_not_lost(number: signal.Signals) -> None:
    record: list[str] = []

    @asynccontextmanager
    async def at_the_last_moment() -> AsyncIterator[None]:
        async with opened(record):
            signal.raise_signal(number)
            yield

    with pytest.raises(KeyboardInterrupt), held_open(at_the_last_moment()):
        record.append("entered")
    assert record == ["open", "closed"]


@each_signal
def test_a_signal_in_the_middle_of_a_step_of_the_loop_waits_for_its_end(
    number: signal.Signals, caplog: pytest.LogCaptureFixture
) -> None:
    """As asyncio's own steps do: look whether a future is cancelled, and if not set its result."""

    @asynccontextmanager
    async def answered() -> AsyncIterator[None]:
        answer = asyncio.get_running_loop().create_future()

        def step() -> None:
            if not answer.cancelled():
                signal.raise_signal(number)
                answer.set_result(None)

        asyncio.get_running_loop().call_soon(step)
        await answer
        yield

    with pytest.raises(KeyboardInterrupt), sigterm_interrupts(), held_open(answered()):
        pass
    assert [record.getMessage() for record in caplog.records] == []
