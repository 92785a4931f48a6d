"""The database of an environment: the outside one when it is named, else one of our own."""

import socket
from collections.abc import Iterator, Mapping

import pytest

from queen.errors import SettingsError, UserError
from queen.local.database import Database
from queen.local.open_database import open_database, room_for
from queen.local.postgres import PostgresServer
from tests.local.support import ask, is_gone


async def test_the_outside_one_is_used_and_left_running(database: Database, postgres: PostgresServer) -> None:
    async with open_database(database.environ()) as opened:
        assert opened.address == database
        assert (opened.source, opened.version, opened.server) == ("PG_HOST", postgres.version, None)
        assert opened.environ() == database.environ()
    assert await ask(database, "SELECT 1") == 1


async def test_without_one_it_is_started_and_stopped() -> None:
    async with open_database({"PG_HOST": " "}, settings={"work_mem": "8MB"}) as opened:
        assert opened.server is not None
        assert opened.source == "embedded"
        assert await ask(opened.address, "SHOW work_mem") == "8MB"
        pid = opened.server.pid
    assert is_gone(pid)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


async def refusal(environ: Mapping[str, str]) -> str:
    with pytest.raises(UserError) as refused:
        async with open_database(environ):
            pass
    assert "\n" not in str(refused.value)
    return str(refused.value)


async def test_one_that_refuses_us_is_told_in_one_line(database: Database) -> None:
    for name, value, complaint in (
        ("PG_DB", "no_such_database", 'database "no_such_database" does not exist'),
        ("PG_USER", "nobody_here", 'role "nobody_here" does not exist'),
        ("PG_PORT", "1", "Connect call failed"),
    ):
        said = await refusal({**database.environ(), name: value})
        assert complaint in said
        assert f"{name}={value}" in said


async def test_one_that_never_answers_is_told(silent_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("queen.local.open_database.ANSWER_TIMEOUT_S", 0.2)
    assert "no answer within 0.2 s" in await refusal({"PG_HOST": "127.0.0.1", "PG_PORT": str(silent_port)})


def test_one_of_ours_has_room_for_the_pool_and_for_whoever_looks_in() -> None:
    assert room_for(20, 1) == {"max_connections": "200"}
    assert int(room_for(500, 1)["max_connections"]) > 501
    assert int(room_for(500, 64)["max_connections"]) == int(room_for(500, 1)["max_connections"]) + 63


async def test_a_host_that_does_not_exist_is_told() -> None:
    assert "PG_HOST=no-such-host.invalid" in await refusal({"PG_HOST": "no-such-host.invalid"})


async def test_a_bad_port_is_a_setting_to_mend() -> None:
    with pytest.raises(SettingsError, match="PG_PORT"):
        async with open_database({"PG_HOST": "127.0.0.1", "PG_PORT": "many"}):
            pass


async def test_a_password_is_never_shown(database: Database) -> None:
    secret = {**database.environ(), "PG_PASSWORD": "s3cret"}
    assert "s3cret" not in await refusal({**secret, "PG_PORT": "1"})
    async with open_database(secret) as opened:
        assert "s3cret" not in repr(opened)
