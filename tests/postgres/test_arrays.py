"""Flat arrays, against asyncpg's own codecs and against PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queen.local.database import Database
from queen.postgres import arrays
from queen.postgres.arrays import use_flat_arrays
from queen.postgres.pool import address
from queen.settings import Settings
from tests.postgres.conftest import settings_for

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))
UUIDS = st.uuids()

ECHO = "select $1::uuid[] as uuids, $2::text[] as texts, $3::json[]::text[] as json"
EACH = """select array(select u::text from unnest($1::uuid[]) u),
                 array(select length(t) from unnest($2::text[]) t),
                 array(select j #>> '{}' from unnest($3::json[]) j)"""


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


@pytest.mark.parametrize("bad", ["", "01890a5d", "01890a5d-ac96-774b-bcce-b302099a805", "x" * 36])
def test_texts_whose_digits_do_not_add_up_to_uuids_are_refused(bad: str) -> None:
    good = "01890a5d-ac96-774b-bcce-b302099a8057"
    with pytest.raises(ValueError, match=r"UUID|hexadecimal"):
        arrays.encode_uuids([good, bad, good])


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        arrays.encode_texts(["a", "\ud800"])


MANY = range(1000)
VALUES: tuple[tuple[list[object], ...], ...] = (
    ([], [], []),
    (["01890a5d-ac96-774b-bcce-b302099a8057"] * 3, ["", "ü", "𝄞" * 1000], ["1", '{"a": "ü"}', " [null] "]),
    ([UUID(int=1), None, UUID(int=(1 << 128) - 1)], [None, "x", None], [None, '"x"']),
    (
        [str(UUID(int=number)) for number in range(1000)],
        [str(number) for number in range(1000)],
        ["0"] * 1000,
    ),
)


@pytest.mark.parametrize("values", VALUES, ids=["empty", "texts", "nulls", "many"])
async def test_postgresql_sees_and_returns_the_same_as_by_asyncpg(
    each_database: Database, values: tuple[list[object], ...]
) -> None:
    uuids, texts, json = values
    json_bytes = [text.encode() if isinstance(text, str) else text for text in json]
    async with connections(settings_for(each_database)) as (theirs, ours):
        for statement in (ECHO, EACH):
            seen = await ours.fetch(statement, uuids, texts, json_bytes)
            assert seen == await theirs.fetch(statement, uuids, texts, json)


async def test_an_array_of_arrays_is_refused_not_flattened(database: Database) -> None:
    async with connections(settings_for(database)) as (_, ours):
        with pytest.raises(ValueError, match="2 dimensions"):
            await ours.fetchval("select array[array['a'], array['b']]")
