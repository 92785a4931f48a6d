"""The collector is calm while the server serves, and as it was afterwards: a test's process lives on."""

import gc
from collections.abc import Iterator

import pytest

from queen.server.collector import YOUNGEST, calm


@pytest.fixture(autouse=True)
def _nothing_frozen() -> Iterator[None]:
    """As in a server's process; what pytest keeps from the collector (tests/conftest.py) it gets back."""
    gc.unfreeze()
    yield
    gc.freeze()


def test_what_is_alive_is_left_alone_and_collections_are_rare_inside_the_block() -> None:
    before = gc.get_threshold()
    assert gc.get_freeze_count() == 0
    with calm():
        assert gc.get_threshold()[0] == YOUNGEST
        assert gc.get_freeze_count() > 1000
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_so_it_is_after_a_failure() -> None:
    before = gc.get_threshold()
    with pytest.raises(KeyError), calm():
        raise KeyError
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)
