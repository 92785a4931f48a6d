"""The socket between Locust's page and `queen load`: both ends of it."""

import asyncio
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from loadtests.commands import load_control
from loadtests.runs.control import (
    LINE_LIMIT,
    SOCKET_VARIABLE,
    TOKEN_VARIABLE,
    Answer,
    Ask,
    Changed,
    ChangePool,
    ControlError,
    DatabaseView,
    NoRun,
    Noted,
    Refused,
    RunBegan,
    RunEnded,
    See,
    Seen,
    encode_request,
    read_answer,
)
from loadtests.runs.server_facts import ServerFacts
from loadtests.ui.parent import Parent, parent_of

VIEW = DatabaseView(3, 2, 1, 1, 0, 0, 0, 0, 2, rows_inserted=1000)
TOKEN = "a token that nobody guesses"


def answering(asked: list[Ask], *answers: Answer) -> Callable[[Ask], Awaitable[Answer]]:
    left = list(answers)

    async def handler(ask: Ask) -> Answer:
        asked.append(ask)
        return left.pop(0)

    return handler


async def test_every_question_and_every_answer_arrives_as_it_was_sent(tmp_path: Path) -> None:
    path, asked = str(tmp_path / "page"), list[Ask]()
    asks: list[Ask] = [See(), ChangePool(7), RunBegan("results/a"), RunEnded("results/a"), NoRun()]
    answers: list[Answer] = [
        Seen("http://127.0.0.1:1", 20, 170, VIEW),
        Changed(ServerFacts(pool=7, settings={"DB_POOL_SIZE": "7"})),
        Noted(),
        Refused("no such run"),
        Noted(),
    ]
    async with load_control.serve(path, TOKEN, answering(asked, *answers)):
        parent = Parent(path, TOKEN)
        heard = [await asyncio.to_thread(parent.ask, ask, 5.0) for ask in asks]
    assert asked == asks
    assert heard == answers


async def test_only_this_user_may_connect(tmp_path: Path) -> None:
    path = tmp_path / "page"
    async with load_control.serve(str(path), TOKEN, answering([])):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        (encode_request("another token", See()), "wrong token"),
        (encode_request("", See()), "wrong token"),
        (b'{"ask":{"type":"See"}}\n', "not a question"),
        (b'{"token":"%s","ask":{"type":"Format","disk":1}}\n' % TOKEN.encode(), "not a question"),
        (b"\xff\xfe\n", "not a question"),
        (b"\n", "not a question"),
        (b"x" * (LINE_LIMIT + 2) + b"\n", "at most"),
    ],
    ids=["wrong token", "empty token", "no token", "unknown question", "no text", "empty", "too long"],
)
async def test_what_is_not_from_the_page_is_refused_and_never_handled(
    tmp_path: Path, line: bytes, refusal: str
) -> None:
    path, asked = str(tmp_path / "page"), list[Ask]()
    async with load_control.serve(path, TOKEN, answering(asked, Noted())):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(line)
        answer = read_answer(await reader.readline())
        writer.close()
    assert isinstance(answer, Refused)
    assert refusal in answer.text
    assert TOKEN not in answer.text
    assert asked == []


async def test_one_that_takes_long_holds_up_nobody(tmp_path: Path) -> None:
    path, go = str(tmp_path / "page"), asyncio.Event()

    async def handler(ask: Ask) -> Answer:
        if isinstance(ask, ChangePool):
            await go.wait()
        return Noted()

    async with load_control.serve(path, TOKEN, handler):
        parent = Parent(path, TOKEN)
        slow = asyncio.create_task(asyncio.to_thread(parent.ask, ChangePool(7), 5.0))
        assert await asyncio.to_thread(parent.ask, See(), 5.0) == Noted()
        assert not slow.done()
        go.set()
        assert await slow == Noted()


async def test_what_is_under_way_at_the_end_is_brought_to_its_end(tmp_path: Path) -> None:
    path, begun, finished = str(tmp_path / "page"), asyncio.Event(), list[bool]()

    async def handler(_ask: Ask) -> Answer:
        begun.set()
        await asyncio.sleep(0.05)
        finished.append(True)
        return Noted()

    async with load_control.serve(path, TOKEN, handler):
        _, writer = await asyncio.open_unix_connection(path)
        writer.write(encode_request(TOKEN, RunEnded("x")))
        await begun.wait()
        writer.close()  # who asked has gone
    assert finished == [True]


def test_a_parent_that_is_gone_is_an_error_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="does not answer"):
        Parent(str(tmp_path / "nobody"), TOKEN).ask(See(), 1.0)


async def test_a_parent_that_is_silent_is_waited_for_no_longer_than_asked(tmp_path: Path) -> None:
    end = asyncio.Event()

    async def handler(_ask: Ask) -> Answer:
        await end.wait()
        return Noted()

    async with load_control.serve(str(tmp_path / "page"), TOKEN, handler):
        with pytest.raises(ControlError, match="timed out"):
            await asyncio.to_thread(Parent(str(tmp_path / "page"), TOKEN).ask, See(), 0.05)
        end.set()


def test_the_environment_names_the_parent_or_none() -> None:
    assert parent_of({}) is None
    assert parent_of({SOCKET_VARIABLE: "x"}) is None
    assert isinstance(parent_of({SOCKET_VARIABLE: "x", TOKEN_VARIABLE: "y"}), Parent)
