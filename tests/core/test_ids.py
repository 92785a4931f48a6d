"""UUIDv7 as RFC 9562 lays it out."""

import itertools
import time
import uuid

import pytest

from queen.core import ids
from queen.core.ids import Numbering, uuid7s


def test_version_variant_and_time() -> None:
    before_ms = time.time_ns() // 1_000_000
    made = uuid.UUID(uuid7s(1)[0])
    after_ms = time.time_ns() // 1_000_000
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert before_ms <= made.int >> 80 <= after_ms


def test_every_random_bit_varies() -> None:
    milliseconds = itertools.count(1_700_000_000_000)
    numbering = Numbering(lambda: next(milliseconds) * 1_000_000)
    made = [uuid.UUID(numbering.take(1)[0]).int & ((1 << 76) - 1) for _ in range(400)]
    ever, always = 0, (1 << 76) - 1
    for bits in made:
        ever |= bits
        always &= bits
    assert ever == (1 << 76) - 1 - (1 << 62), "all but the variant's low bit is set in some id"
    assert always == 1 << 63, "only the variant's high bit is set in every id"


def test_those_of_a_millisecond_are_numbered_on() -> None:
    numbering = Numbering(lambda: 1_700_000_000_000_000_000)
    made = [*numbering.take(1), *numbering.take(700), *numbering.take(0), *numbering.take(3)]
    numbers = [uuid.UUID(text).int for text in made]
    assert numbers == list(range(numbers[0], numbers[0] + 704))


def test_a_clock_that_is_set_back_makes_nothing_twice() -> None:
    times = iter([5_000_000, 6_000_000, 5_000_000, 6_000_000])
    numbering = Numbering(lambda: next(times))
    assert (
        len({*numbering.take(100), *numbering.take(100), *numbering.take(100), *numbering.take(100)}) == 400
    )


def test_those_of_a_request_are_in_the_order_of_its_messages() -> None:
    made = uuid7s(1000)
    assert made == sorted(made)


def test_numbers_do_not_run_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "getrandbits", lambda bits: (1 << bits) - 1)
    numbering = Numbering(lambda: 0)
    for made in (numbering.take(3), numbering.take(2)):
        assert len({uuid.UUID(text) for text in made}) == len(made)
        assert all(len(text) == 36 for text in made)


def test_each_is_well_formed_and_none_is_made_twice() -> None:
    made = [*uuid7s(1000), *uuid7s(1), *uuid7s(0)]
    assert len(made) == len(set(made)) == 1001
    assert all(str(uuid.UUID(text)) == text and uuid.UUID(text).version == 7 for text in made)
    assert all(uuid.UUID(text).variant == uuid.RFC_4122 for text in made)
