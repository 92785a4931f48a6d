"""What parses while a finalizer parses as well."""

import ast
import gc
from collections.abc import Callable, Iterator

import pytest

SOURCE = "y = f(a, [b], c)\n" * 50


class ParsesWhenCollected:
    def __init__(self) -> None:
        self.cycle = self

    def __del__(self) -> None:
        ast.parse("x")


@pytest.fixture
def _often_collected() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(10)
    yield
    gc.set_threshold(*before)


def deeper(frames: int, call: Callable[[], ast.AST]) -> ast.AST:
    return call() if frames == 0 else deeper(frames - 1, call)


@pytest.mark.usefixtures("_often_collected")
def test_a_parse_is_not_disturbed_by_one_of_a_finalizer() -> None:
    for _ in range(50):
        ParsesWhenCollected()
        assert isinstance(deeper(5, lambda: ast.parse(SOURCE)), ast.Module)
    assert gc.isenabled()
