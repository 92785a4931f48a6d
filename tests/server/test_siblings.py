"""The workers' figures over their sockets: those that answer are in, those that do not are left out."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from queen.errors import UserError
from queen.event_loop import loop_factory
from queen.local.scratch import scratch_directory
from queen.server.membership import Membership
from queen.server.siblings import NeighbourSockets
from tests.observe.readings import reading

PATIENCE_S = 20.0  # for those that answer, however busy this machine is
SOON_S = 0.2  # for those that never do


def neighbours(directory: Path, workers: int, patience_s: float = PATIENCE_S) -> list[NeighbourSockets]:
    return [NeighbourSockets(Membership(number, workers, directory), patience_s) for number in range(workers)]


@asynccontextmanager
async def answering(*workers: NeighbourSockets) -> AsyncIterator[None]:
    """Each tells its number as the messages it has pushed."""
    async with AsyncExitStack() as stack:
        for each in workers:
            await stack.enter_async_context(each.answering(partial(reading, pushed=each.worker_id)))
        yield


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, loop_factory()], ids=["asyncio", "workers"])
def test_each_reads_the_others(tmp_path: Path, loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(each_reads_the_others(tmp_path))


async def each_reads_the_others(tmp_path: Path) -> None:
    workers = neighbours(tmp_path, 3)
    async with answering(*workers):
        for each in workers:
            others = await each.read()
            assert {number: told.pushed.total for number, told in others.items()} == {
                number: number for number in range(3) if number != each.worker_id
            }


async def test_one_that_is_not_there_is_left_out(tmp_path: Path) -> None:
    first, second, third = neighbours(tmp_path, 3)
    async with answering(first, third):
        assert list(await third.read()) == [0]
        assert list(await first.read()) == [2]
    assert await second.read() == {}


@pytest.mark.parametrize(
    "words", [b"", b"\xc1", b"\x81\xa1x\x01"], ids=["silent", "not-msgpack", "no-reading"]
)
async def test_one_that_makes_no_sense_or_says_nothing_is_left_out(tmp_path: Path, words: bytes) -> None:
    ended = asyncio.Event()

    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        if words:
            writer.close()
        await ended.wait()
        writer.close()

    (first, _) = neighbours(tmp_path, 2, SOON_S)
    async with await asyncio.start_unix_server(babble, tmp_path / "1.figures"):
        async with asyncio.timeout(PATIENCE_S):
            assert await first.read() == {}
        ended.set()


async def test_a_worker_takes_the_place_of_one_that_was_killed(tmp_path: Path) -> None:
    first, second = neighbours(tmp_path, 2)
    abandoned = await asyncio.start_unix_server(
        lambda _reader, writer: writer.close(), tmp_path / "1.figures"
    )
    async with answering(second):
        assert list(await first.read()) == [1]
    abandoned.close()
    await abandoned.wait_closed()


async def test_nothing_stays_behind(tmp_path: Path) -> None:
    async with answering(*neighbours(tmp_path, 2)):
        assert sorted(path.name for path in tmp_path.iterdir()) == ["0.figures", "1.figures"]
    assert list(tmp_path.iterdir()) == []


async def test_the_last_worker_removes_the_directory_of_a_dead_supervisor(tmp_path: Path) -> None:
    with scratch_directory(tmp_path, "workers") as directory:
        first, second = neighbours(directory, 2)
        async with answering(second):
            first.remove_directory()
            assert directory.exists(), "the second still answers there"
        first.remove_directory()
        assert not directory.exists()
        second.remove_directory()  # who comes too late finds nothing


def test_what_is_not_of_the_workers_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("x")
    neighbours(tmp_path, 2)[0].remove_directory()
    assert (tmp_path / "precious" / "file").read_text() == "x"


async def test_a_place_that_is_no_good_is_one_line(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 108)
    deep.mkdir()
    (only, _) = neighbours(deep, 2)
    with pytest.raises(UserError, match=r"cannot make a socket at .*try another TMPDIR"):
        async with answering(only):
            pass
