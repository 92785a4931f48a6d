"""What a test says about itself: the routes whose promise it checks, and on which configurations."""

from collections.abc import Sequence

import pytest

from .serving import FEW, ONE, Configuration

__all__ = ["FEW", "ONE", "covers", "on"]


def covers(*routes: str) -> pytest.MarkDecorator:
    """The routes whose promise a test checks: `@covers("POST /api/v1/push")`."""
    return pytest.mark.covers(*routes)


def on(configurations: Sequence[Configuration]) -> pytest.MarkDecorator:
    """Run on these configurations instead of on every one; a test's own mark wins over its module's."""
    return pytest.mark.on(configurations)
