"""What all groups of options share: how a bad value is refused, in one line that names the option."""

import argparse
import math
from typing import TypeVar

import msgspec
from msgspec import Struct

from loadtests.load.bounds import MOST_NUMBER, MOST_TEXT, option_name, shown
from loadtests.load.producing.distribution import parse_distribution

Group = TypeVar("Group", bound=Struct)


class OptionError(ValueError):
    """An option cannot be used. One line that names it."""


def read_group(parsed: argparse.Namespace, group: type[Group]) -> Group:
    """The options of a group out of what Locust parsed or its web form changed. Raises `OptionError`."""
    values = {name: getattr(parsed, name) for name in group.__struct_fields__}
    for name, value in values.items():
        expect_bounded(option_name(name), value)
    return convert(values, group)


def convert(values: dict[str, object], to: type[Group]) -> Group:
    """Check the types. Raises `OptionError`."""
    try:
        return msgspec.convert(values, to)
    except msgspec.ValidationError as error:
        raise OptionError(_named(error, values)) from None


def expect_bounded(name: str, value: object) -> None:
    """Refuse what no option can be: a number or a text that is too large. Raises `OptionError`."""
    if isinstance(value, str) and not (len(value) <= MOST_TEXT and value.isprintable()):
        raise OptionError(f"{name}: expected at most {MOST_TEXT} characters, on one line")
    if isinstance(value, int | float) and abs(value) > MOST_NUMBER and not math.isinf(value):
        raise OptionError(f"{name}: expected at most {MOST_NUMBER:,.0f}")


def expect_share(name: str, value: float) -> None:
    """Refuse what is no share from 0 to 1. Raises `OptionError`."""
    if not 0 <= value <= 1:
        raise OptionError(f"{name} {value:g}: expected a share from 0 to 1")


def expect_more_than_0(name: str, value: float) -> None:
    """Refuse 0, less, and what is no number. Raises `OptionError`."""
    if not 0 < value < math.inf:
        raise OptionError(f"{name} {value:g}: expected more than 0")


def expect_0_or_more(name: str, value: float) -> None:
    """Refuse less than 0, and what is no number. Raises `OptionError`."""
    if not 0 <= value < math.inf:
        raise OptionError(f"{name} {value:g}: expected 0 or more")


def expect_distribution(name: str, text: str) -> None:
    """Refuse what is no `Distribution`. Raises `OptionError`."""
    try:
        parse_distribution(text)
    except ValueError as error:
        raise OptionError(f"{name} {error}") from None


def _named(error: msgspec.ValidationError, values: dict[str, object]) -> str:
    """`--payload-bytes -1: expected …` from msgspec's "Expected … - at `$.payload_bytes`"."""
    expectation, _, place = str(error).partition(" - at `$.")
    name = place.rstrip("`")
    option = f"{option_name(name)} {shown(str(values.get(name, '')))}"
    return f"{option}: {expectation[0].lower()}{expectation[1:].replace('`', '')}"
