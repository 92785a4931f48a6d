"""How `make test` deals the tests out to its processes.

A module stays together, since its tests share what it opens; so does a room whose modules share servers or
pages, which each process would make for itself, and one whose tests put a load on the machine and look at
what it measures: no two of them at a time. Most of a test is waiting, so that there are more processes than
cores. What takes long begins first: nothing long is left to one of them at the end. What computes begins
beside the loads, which wait; what waits as well comes behind it: three that wait leave the cores idle.
"""

from collections.abc import Sequence

import pytest
from xdist.scheduler import LoadScopeScheduling

LOADS = ("tests/locustfiles/", "tests/commands/")
SHARING = ("tests/conformance/", "tests/clients/", "tests/faults/")
TOGETHER = (*LOADS, "tests/reports/", *SHARING)
FIRST = (
    *LOADS,
    *("tests/reports/", "tests/load/", "tests/web/", "tests/model/", "tests/sweep/", "tests/ceiling/"),
    *SHARING,
)


class RoomScheduling(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Deals out modules, or whole rooms, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid)


def together(nodeid: str) -> str:
    """The same for all tests that one process runs one after the other."""
    room = next((room for room in TOGETHER if nodeid.startswith(room)), None)
    return room or nodeid.partition("::")[0]


def in_order(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The tests, those of the rooms that take long before all others."""
    return sorted(items, key=lambda item: _place(item.nodeid))


def _place(nodeid: str) -> int:
    return next((place for place, room in enumerate(FIRST) if nodeid.startswith(room)), len(FIRST))
