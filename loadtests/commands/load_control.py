"""The parent's end of the socket between Locust's page and `queen load` (`loadtests.runs.control`)."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from loadtests.runs.control import (
    LINE_LIMIT,
    Answer,
    Ask,
    ControlError,
    Refused,
    encode_answer,
    read_request,
)

ASK_PATIENCE_S = 5.0  # to send the line
OWNER_ONLY = 0o600

logger = logging.getLogger(__name__)

Handler = Callable[[Ask], Awaitable[Answer]]


@asynccontextmanager
async def serve(path: str, token: str, handler: Handler) -> AsyncIterator[None]:
    """Answer questions at a unix socket while the block runs: one for each connection.

    `handler` may be asked several things at once, and raises nothing. Who has not the token is told so
    and learns nothing else. Raises OSError when the socket cannot be made.
    """
    under_way: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        under_way.add(task)
        try:
            with suppress(OSError):  # who asked has gone
                await _answer(reader, writer, token, handler)
        finally:
            writer.close()
            under_way.discard(task)

    server = await asyncio.start_unix_server(connected, path, limit=LINE_LIMIT)
    try:
        os.chmod(path, OWNER_ONLY)
        yield
    finally:
        server.close()
        if under_way:  # what was begun is brought to its end: a restart, an audit
            await asyncio.wait(under_way)


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str, handler: Handler
) -> None:
    try:
        async with asyncio.timeout(ASK_PATIENCE_S):
            line = await reader.readline()
        answer: Answer = await handler(read_request(line, token))
    except TimeoutError:
        return
    except ValueError:  # over the limit
        answer = Refused(f"a question has at most {LINE_LIMIT} bytes")
    except ControlError as error:
        answer = Refused(str(error))
    writer.write(encode_answer(answer))
    await writer.drain()
