"""What the tests of this package promise, read from their names, docstrings and marks."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest
from msgspec import Struct

from tests import conformance

META = "test_document"  # it promises something about this document, not about the server


class Promise(Struct, frozen=True):
    """One test: the routes that it covers (none: it is about every request), what it says, where it is."""

    routes: frozenset[str]
    text: str
    module: str


def promises() -> list[Promise]:
    """The promises of all modules in the order of their names, each in the order of its tests."""
    names = sorted(module.name for module in pkgutil.iter_modules(conformance.__path__))
    return [
        promise
        for name in names
        if name.startswith("test_") and name != META
        for promise in _of_module(importlib.import_module(f"{conformance.__name__}.{name}"))
    ]


def _of_module(module: ModuleType) -> Iterator[Promise]:
    general = _marks(module)
    for name, value in vars(module).items():  # in the order in which they are defined
        if name.startswith("test_") and inspect.isfunction(value) and value.__module__ == module.__name__:
            marks = [*general, *_marks(value)]
            yield Promise(
                routes=frozenset(route for mark in marks if mark.name == "covers" for route in mark.args),
                text=_text(value),
                module=module.__name__.rpartition(".")[2],
            )


def _marks(marked: object) -> list[pytest.Mark]:
    """The marks of a test or a module: pytest keeps one or a list."""
    kept = getattr(marked, "pytestmark", [])
    listed: list[pytest.Mark | pytest.MarkDecorator] = kept if isinstance(kept, list) else [kept]
    return [mark.mark if isinstance(mark, pytest.MarkDecorator) else mark for mark in listed]


def _text(test: Callable[..., object]) -> str:
    """The test's name as a sentence, and behind it what its docstring adds."""
    words = test.__name__.removeprefix("test_").replace("_", " ")
    sentence = f"{words[0].upper()}{words[1:]}."
    added = inspect.getdoc(test)
    return f"{sentence} {' '.join(added.split())}" if added else sentence
