"""The relay adds the round trip it was asked for, and nothing else to what passes through it."""

import asyncio
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import cast

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queen.local.database import Database
from queen.local.process import ChildFailed
from queen.local.relay import Address, relaying
from queen.local.relay_link import WINDOW_BYTES
from queen.local.relay_process import RelayProcess
from tests.attempts import TooLate, attempts, in_time

LOCALHOST = Address("127.0.0.1", 0)
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


class Echo(asyncio.Protocol):
    """Sends back what it gets."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


@asynccontextmanager
async def echoing() -> AsyncIterator[Address]:
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    async with server:
        yield Address(*server.sockets[0].getsockname()[:2])


@asynccontextmanager
async def relayed_echo(rtt_ms: float) -> AsyncIterator[Address]:
    async with echoing() as to, relaying(listen=LOCALHOST, to=to, rtt_ms=rtt_ms) as address:
        yield address


@asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[Address]:
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    async with server:
        yield Address(*server.sockets[0].getsockname()[:2])


@asynccontextmanager
async def relayed(handler: Handler, rtt_ms: float) -> AsyncIterator[Address]:
    async with listening(handler) as to, relaying(listen=LOCALHOST, to=to, rtt_ms=rtt_ms) as address:
        yield address


@asynccontextmanager
async def connected(address: Address) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def quiet_rtt_ms(host: str, port: int, database: Database, rounds: int) -> float:
    """The lower quartile: what other work on the machine adds is not the relay's."""
    connection = await asyncpg.connect(host=host, port=port, user=database.user, database=database.name)
    try:
        statement = await connection.prepare("SELECT 1")
        taken_ms = []
        for _ in range(rounds):
            begin = time.perf_counter()
            await statement.fetchval()
            taken_ms.append((time.perf_counter() - begin) * 1000)
        return statistics.quantiles(taken_ms, n=4)[0]
    finally:
        await connection.close()


@pytest.mark.parametrize("rtt_ms", [1.0, 2.0, 5.0])
async def test_a_statement_takes_the_asked_round_trip_longer(
    database: Database, rtt_ms: float, tmp_path: Path
) -> None:
    relay = RelayProcess.start(host=database.host, port=database.port, rtt_ms=rtt_ms, log=tmp_path / "log")
    async with relay as running:
        for attempt in attempts():
            with attempt:
                direct_ms = await quiet_rtt_ms(database.host, database.port, database, 200)
                relayed_ms = await quiet_rtt_ms(running.host, running.port, database, 200)
                least_ms = rtt_ms * 0.95 - 0.05
                assert relayed_ms >= least_ms
                if relayed_ms - direct_ms < least_ms:
                    raise TooLate(f"{direct_ms} ms by the direct way, and {relayed_ms} ms by the relay")
                in_time((relayed_ms - direct_ms) / 1000, (rtt_ms * 1.25 + 0.5) / 1000)


async def test_many_connections_at_once_wait_no_longer_than_one() -> None:
    async def ping() -> float:
        async with connected(address) as (reader, writer):
            begin = time.perf_counter()
            writer.write(b"x")
            await reader.readexactly(1)
            return time.perf_counter() - begin

    async with relayed_echo(200) as address:
        for attempt in attempts():
            with attempt:
                taken_s = await asyncio.gather(*(ping() for _ in range(50)))
                assert min(taken_s) > 0.19
                in_time(max(taken_s), 2 * (0.2 + 0.2))  # opening the connection takes a round trip, too


async def test_chunks_of_one_connection_travel_together() -> None:
    """Fifty chunks, each sent without waiting for the answer to the last: one round trip, not fifty."""
    async with relayed_echo(100) as address, connected(address) as (reader, writer):
        writer.write(b"warm")
        await reader.readexactly(4)
        for attempt in attempts():
            with attempt:
                begin = time.perf_counter()
                for _ in range(50):
                    writer.write(b"x" * 100)
                    await asyncio.sleep(0)
                await reader.readexactly(5_000)
                taken_s = time.perf_counter() - begin
                assert taken_s > 0.09
                in_time(taken_s, 1.0)


@settings(max_examples=20, deadline=None)
@given(
    chunks=st.lists(st.binary(min_size=1, max_size=50_000), max_size=20),
    rtt_ms=st.sampled_from([0.0, 0.3, 2.0]),
)
def test_all_bytes_arrive_in_order_whatever_the_chunks(chunks: list[bytes], rtt_ms: float) -> None:
    async def round_trip() -> bytes:
        async with relayed_echo(rtt_ms) as address, connected(address) as (reader, writer):
            for chunk in chunks:
                writer.write(chunk)
                await asyncio.sleep(0)
            writer.write_eof()
            return await reader.read(-1)

    assert asyncio.run(round_trip()) == b"".join(chunks)


async def test_what_the_far_end_says_first_arrives() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        writer.close()

    for rtt_ms in (0, 2):
        async with relayed(greet, rtt_ms) as address, connected(address) as (reader, _):
            assert await reader.read(-1) == b"220 ready\r\n"


async def test_half_closed_the_other_direction_goes_on() -> None:
    async def answer_after_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        question = await reader.read(-1)
        writer.write(b"you said " + question)
        writer.close()

    async with relayed(answer_after_the_end, 5) as address, connected(address) as (reader, writer):
        writer.write(b"hello")
        writer.write_eof()
        assert await reader.read(-1) == b"you said hello"


async def test_a_lost_connection_is_lost_at_the_other_end() -> None:
    lost = asyncio.Event()

    async def wait_for_loss(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        lost.set()
        writer.close()

    async with relayed(wait_for_loss, 5) as address, connected(address) as (_, writer):
        writer.write(b"hello")
        await writer.drain()
        writer.transport.abort()
        async with asyncio.timeout(10):
            await lost.wait()


async def test_a_far_end_that_hangs_up_hangs_up_on_the_client() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with relayed(hang_up, 5) as address, connected(address) as (reader, _):
        async with asyncio.timeout(10):
            assert await _rest(reader) == b""


async def test_nobody_listening_closes_the_connection() -> None:
    async with echoing() as to:
        pass
    async with relaying(listen=LOCALHOST, to=to, rtt_ms=1) as address, connected(address) as (reader, _):
        async with asyncio.timeout(10):
            assert await _rest(reader) == b""


async def _rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(-1)
    except ConnectionResetError:
        return b""


async def test_a_far_end_that_does_not_read_stops_the_sender_and_loses_nothing() -> None:
    may_read = asyncio.Event()
    received = bytearray()
    done = asyncio.Event()

    async def read_later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await may_read.wait()
        while chunk := await reader.read(1 << 20):
            received.extend(chunk)
        writer.close()
        done.set()

    sent = random.Random(1).randbytes(12 * WINDOW_BYTES)
    async with relayed(read_later, 2) as address, connected(address) as (_, writer):
        writer.write(sent)
        writer.write_eof()
        held = await _settled(writer.transport.get_write_buffer_size)
        assert held > 2 * WINDOW_BYTES, "the relay holds a window and socket buffers, the sender the rest"
        may_read.set()
        async with asyncio.timeout(30):
            await done.wait()
    assert bytes(received) == sent


async def _settled(measure: Callable[[], int]) -> int:
    """Wait until a number has not changed for a quarter of a second."""
    last, since = measure(), time.monotonic()
    while time.monotonic() - since < 0.25:
        await asyncio.sleep(0.01)
        if (now := measure()) != last:
            last, since = now, time.monotonic()
    return last


async def test_the_end_of_the_relay_closes_every_connection() -> None:
    async with relayed_echo(5) as address:
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(b"x")
        await reader.readexactly(1)
    async with asyncio.timeout(10):
        assert await _rest(reader) == b""
    writer.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_as_a_process_it_says_where_it_listens_and_ends_on_a_signal(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "queen.local.relay", "--to", "127.0.0.1:1", "--rtt-ms", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("listening on 127.0.0.1:")
        process.send_signal(number)
        assert process.wait(10) == 0


async def test_a_relay_that_does_not_come_up_says_why(tmp_path: Path) -> None:
    with pytest.raises(ChildFailed, match="relay ended with"):
        async with RelayProcess.start(host="", port=1, rtt_ms=-1, log=tmp_path / "log"):
            pass


def test_addresses_are_read_and_written() -> None:
    assert Address.parse("localhost:80") == Address("localhost", 80)
    assert Address.parse("[::1]:80") == Address("::1", 80)
    assert str(Address("::1", 80)) == "[::1]:80"
