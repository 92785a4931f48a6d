"""A client's connection: kept, opened anew after it broke, and every request written down."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from tests.conformance.http_client import Answer, Session

from .records import Request

AFTER_A_FAILURE_S = 0.05  # until a client tries again: shorter than the published clients' second
BROKEN = (
    OSError,
    EOFError,
)  # refused, reset, or ended in the middle of an answer; TimeoutError is an OSError


class Broken(Exception):
    """The connection could not be opened, or broke before the answer: `sent` says which."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__("sent" if sent else "not sent")
        self.sent = sent


class Line:
    """One connection to the server that `url` names at the moment of connecting."""

    def __init__(self, url: Callable[[], str], log: list[Request]) -> None:
        self._url = url
        self._log = log
        self._stack = AsyncExitStack()
        self._session: Session | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, url: Callable[[], str], log: list[Request]) -> AsyncIterator["Line"]:
        """A line that is closed at the end of the block; requests are written to `log`."""
        line = cls(url, log)
        try:
            yield line
        finally:
            await line._close()

    async def ask(self, what: str, method: str, path: str, body: object = None) -> Answer:
        """One request. Raises `Broken`, with the pause before another try behind it."""
        clock = asyncio.get_running_loop().time
        sent_s = clock()
        sent = False
        try:
            session = self._session = self._session or await self._connected()
            sent = True
            answer = await session.ask(method, path, body)
        except BROKEN:
            self._log.append(Request(what, sent_s, clock(), None))
            await self._close()
            await asyncio.sleep(AFTER_A_FAILURE_S)
            raise Broken(sent=sent) from None
        code = json.loads(answer.raw).get("code", "") if answer.status >= 500 else ""
        self._log.append(
            Request(what, sent_s, clock(), answer.status, code, answer.headers.get("retry-after"))
        )
        if answer.headers.get("connection") == "close":
            await self._close()
        if answer.status == 503:
            await asyncio.sleep(AFTER_A_FAILURE_S)
        return answer

    async def _connected(self) -> Session:
        return await self._stack.enter_async_context(Session.open(self._url()))

    async def _close(self) -> None:
        self._session = None
        await self._stack.aclose()
