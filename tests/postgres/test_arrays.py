"""Flat arrays, against asyncpg's own codecs and against PostgreSQL."""

import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queen.local.database import Database
from queen.postgres import arrays, statements
from queen.postgres.arrays import use_flat_arrays
from queen.postgres.pool import address
from queen.settings import Settings
from tests.postgres.conftest import Queue, settings_for, soon

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))
UUIDS = st.uuids()

ECHO = """select $1::uuid[] as uuids, $2::text[] as texts, $3::json[]::text[] as json,
                 $4::integer[] as integers, $5::bigint[] as bigints"""
EACH = """select array(select u::text from unnest($1::uuid[]) u),
                 array(select length(t) from unnest($2::text[]) t),
                 array(select j #>> '{}' from unnest($3::json[]) j),
                 array(select i::text from unnest($4::integer[]) i),
                 array(select i::text from unnest($5::bigint[]) i)"""
STATEMENTS = {name: text for name, text in vars(statements).items() if name.isupper()}


@asynccontextmanager
async def connections(settings: Settings) -> AsyncIterator[tuple[asyncpg.Connection, asyncpg.Connection]]:
    """One with asyncpg's codecs and one with ours."""
    theirs = await asyncpg.connect(**address(settings))
    try:
        ours = await asyncpg.connect(**address(settings))
        try:
            use_flat_arrays(ours)
            yield theirs, ours
        finally:
            await ours.close()
    finally:
        await theirs.close()


@given(st.lists(TEXTS | st.none()))
def test_texts_come_back(values: list[str | None]) -> None:
    assert arrays.decode_texts(arrays.encode_texts(values)) == values


@given(st.lists(UUIDS | st.none()), st.booleans())
def test_uuids_come_back(values: list[UUID | None], as_text: bool) -> None:
    given = [str(value) if as_text and value is not None else value for value in values]
    assert arrays.decode_uuids(arrays.encode_uuids(given)) == values


@given(st.lists(st.integers(-(2**31), 2**31 - 1) | st.none()))
def test_integers_come_back(values: list[int | None]) -> None:
    assert arrays.decode_integers(arrays.encode_integers(values)) == values


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.none()))
def test_bigints_come_back(values: list[int | None]) -> None:
    assert arrays.decode_integers(arrays.encode_bigints(values)) == values


@pytest.mark.parametrize("values", [[2**31], [-(2**31) - 1, None]])
def test_an_integer_that_is_too_large_is_refused(values: list[int | None]) -> None:
    with pytest.raises(struct.error):
        arrays.encode_integers(values)
    assert arrays.decode_integers(arrays.encode_bigints(values)) == values
    with pytest.raises(struct.error):
        arrays.encode_bigints([value and value << 32 for value in values])


@pytest.mark.parametrize("bad", ["", "01890a5d", "01890a5d-ac96-774b-bcce-b302099a805", "x" * 36])
def test_texts_whose_digits_do_not_add_up_to_uuids_are_refused(bad: str) -> None:
    good = "01890a5d-ac96-774b-bcce-b302099a8057"
    with pytest.raises(ValueError, match=r"UUID|hexadecimal"):
        arrays.encode_uuids([good, bad, good])


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        arrays.encode_texts(["a", "\ud800"])


VALUES: tuple[tuple[list[object], ...], ...] = (
    ([], [], [], [], []),
    (
        ["01890a5d-ac96-774b-bcce-b302099a8057"] * 3,
        ["", "ü", "𝄞" * 1000],
        ["1", '{"a": "ü"}', " [null] "],
        [1, -1],
        [2],
    ),
    ([UUID(int=1), None, UUID(int=(1 << 128) - 1)], [None, "x", None], [None, '"x"'], [None, 1], [1, None]),
    (
        [str(UUID(int=number)) for number in range(1000)],
        [str(number) for number in range(1000)],
        ["0"] * 1000,
        [-(2**31), 2**31 - 1, 0] * 300,
        [-(2**63), 2**63 - 1, 0] * 300,
    ),
)


@pytest.mark.parametrize("values", VALUES, ids=["empty", "texts", "nulls", "many"])
async def test_postgresql_sees_and_returns_the_same_as_by_asyncpg(
    each_database: Database, values: tuple[list[object], ...]
) -> None:
    uuids, texts, json, *numbers = values
    json_bytes = [text.encode() if isinstance(text, str) else text for text in json]
    async with connections(settings_for(each_database)) as (theirs, ours):
        for statement in (ECHO, EACH):
            seen = await ours.fetch(statement, uuids, texts, json_bytes, *numbers)
            assert seen == await theirs.fetch(statement, uuids, texts, json, *numbers)


async def test_an_array_of_arrays_is_refused_not_flattened(database: Database) -> None:
    async with connections(settings_for(database)) as (_, ours):
        with pytest.raises(ValueError, match="2 dimensions"):
            await ours.fetchval("select array[array['a'], array['b']]")


@pytest.fixture
def no_question_about_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """asyncpg may not ask the catalog for a type."""

    async def asked(_self: object, types: Sequence[int], _timeout: object) -> None:
        raise AssertionError(f"asked the catalog for the types {types}")

    monkeypatch.setattr(asyncpg.Connection, "_introspect_types", asked)


@pytest.mark.usefixtures("no_question_about_types")
async def test_only_looking_for_one_message_has_types_that_must_be_asked_for(queue: Queue) -> None:
    """On each new connection that is a query that takes longer than the connecting."""
    asking = set()
    async with queue.pool.connection(soon()) as connection:
        for name, statement in STATEMENTS.items():
            try:
                await connection.prepare(statement)
            except AssertionError:
                asking.add(name)
    assert asking == {"FIND_MESSAGE"}
