"""`ast.parse` without a defect of old Pythons that fails a test by chance, wherever it happens to parse.

CPython counts the depth of a tree that it builds in one place for all. Before 3.11.8 a garbage collection may
come meanwhile, and a finalizer that formats a traceback parses as well: "SystemError: AST constructor
recursion depth mismatch" (python/cpython#106905). Hypothesis, schemathesis and pytest parse at every turn.
From 3.12 on a collection waits for the end of such a call.
"""

import ast
import gc
import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Tree = TypeVar("Tree")
DISTURBED = sys.version_info < (3, 11, 8)


def parse_without_collections() -> None:
    """From now on nothing is collected while `ast.parse` runs, where that matters."""
    if DISTURBED:
        ast.parse = _without_collections(ast.parse)


def _without_collections(parse: Callable[Arguments, Tree]) -> Callable[Arguments, Tree]:
    @wraps(parse)
    def undisturbed(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Tree:
        if not gc.isenabled():
            return parse(*args, **kwargs)
        gc.disable()
        try:
            return parse(*args, **kwargs)
        finally:
            gc.enable()

    return undisturbed
