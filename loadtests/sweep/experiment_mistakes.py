"""What msgspec says of an experiment file, in the words of all other mistakes: key, value, what is allowed.

It names a place and one limit that is broken; the value is looked up in the file, and all that the place
may hold in the types of `experiment.py`.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import inspect

from loadtests.load.bounds import SHOWN_TEXT, shown
from loadtests.sweep.experiment import Experiment

_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_PLACE = r"(?: - at `\$((?:\.\w+|\[\d+\]|\[\.\.\.\])*)`)?"  # what it quotes before may look like a place too
_FIELD = re.compile(rf"Object (missing required|contains unknown) field `(.*?)`{_PLACE}", re.DOTALL)
_VALUE = re.compile(rf".*?{_PLACE}", re.DOTALL)
HUGE_BITS = 2_000  # of a number of some 600 digits; Python need not write one of more than 640

Step = str | int


def told(complaint: str, values: dict[str, Any]) -> str:
    """Turn "Expected `int` >= 1 - at `$.part[0].pool`" into "part[0].pool 0: expected a whole number, …".

    `complaint` is the text of a `ValidationError`, `values` what was converted.
    """
    if field := _FIELD.fullmatch(complaint):
        place, name = _place(field[3]), _on_one_line(field[2])
        key = f"{place}.{name}" if place else name
        return f"{key}: {'is missing' if field[1] == 'missing required' else 'no such key'}"
    value = _VALUE.fullmatch(complaint)
    place = _place(value[1] if value else None)
    if "[...]" in place:  # a value of [settings], whose name is not told
        name, setting = _first_of_another_kind(values["settings"])
        key = f"settings.{_on_one_line(name)}"
        return f"{key} {_shown(setting)}: expected a text, a whole number, true or false"
    steps = [name or int(index) for name, index in _STEP.findall(f".{place}")]
    return f"{place} {_shown(_value(values, steps))}: expected {_allowed(_type(steps))}"


def _place(path: str | None) -> str:
    """None: the file as a whole."""
    return (path or "").lstrip(".")


def _on_one_line(name: str) -> str:
    """A key of TOML may have several lines."""
    return " ".join(name.split())[:SHOWN_TEXT]


def _value(values: Any, steps: Sequence[Step]) -> Any:
    for step in steps:
        values = values[step]
    return values


def _first_of_another_kind(settings: dict[str, Any]) -> tuple[str, Any]:
    return next((name, value) for name, value in settings.items() if not isinstance(value, str | int))


def _shown(value: Any) -> str:
    """On one line, and no longer than one."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return shown(value)
        case dict():
            return "(a table)"
        case list():
            return "(a list)" if value else "[]"
        case int() if value.bit_length() > HUGE_BITS:
            return "(a huge number)"
    return str(value) if len(str(value)) < len(shown(str(value))) else shown(str(value))


def _type(steps: Sequence[Step]) -> inspect.Type:
    """What may stand at a place."""
    found: inspect.Type = inspect.type_info(Experiment)
    for step in steps:
        found = next(inner for each in _members(found) for inner in _inside(each, step))
    return found


def _members(kind: inspect.Type) -> Iterable[inspect.Type]:
    return kind.types if isinstance(kind, inspect.UnionType) else (kind,)


def _inside(kind: inspect.Type, step: Step) -> Iterable[inspect.Type]:
    if isinstance(kind, inspect.StructType):
        yield from (field.type for field in kind.fields if field.encode_name == step)
    elif isinstance(kind, inspect.VarTupleType) and isinstance(step, int):
        yield kind.item_type


def _allowed(kind: inspect.Type) -> str:
    """In words; a list of what may stand there alone is not told a second time."""
    members = [each for each in _members(kind) if not isinstance(each, inspect.NoneType)]
    alone = [each for each in members if not isinstance(each, inspect.VarTupleType)]
    words = " or ".join(map(_words, alone or members))
    return f"{words}, or a list of such" if len(alone) < len(members) and alone else words


def _words(kind: inspect.Type) -> str:
    match kind:
        case inspect.IntType(ge=least, le=most):
            words = f"a whole number{_from_to(least, most)}"
        case inspect.FloatType(gt=None, ge=least, le=most):
            words = f"a number{_from_to(least, most)}"
        case inspect.FloatType(gt=above, le=most):
            words = f"a number above {above:g}, at most {most:,.0f}"
        case inspect.StrType(max_length=int(most)):
            words = f"a text of 1 to {most} characters"
        case inspect.StrType(pattern=str()):
            words = "a name: a-z, 0-9, _ and -, a letter first, at most 31"
        case inspect.StrType():  # a rate
            words = "a text like '0.7 * capacity(batch)'"
        case inspect.EnumType(cls=cls):
            words = _one_of([each.value for each in cls])
        case inspect.LiteralType(values=values):
            words = _one_of(values)
        case inspect.VarTupleType():
            words = "a list of at least one table"
        case inspect.BoolType():
            words = "true or false"
        case _:
            words = "a table"
    return words


def _from_to(least: float | None, most: float | None) -> str:
    return f", {least:,g} to {most:,.0f}" if least is not None and most is not None else ""


def _one_of(values: Iterable[object]) -> str:
    *others, last = map(str, values)
    return f"{', '.join(others)} or {last}" if others else last
