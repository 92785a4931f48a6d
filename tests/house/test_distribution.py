"""How the tests are dealt out to the processes that run them."""

from typing import cast

import pytest

from tests.distribution import FIRST, in_order, together
from tests.house.conftest import ROOT


class Named:
    def __init__(self, nodeid: str) -> None:
        self.nodeid = nodeid


def test_modules_stay_together_and_rooms_that_load_the_machine_do() -> None:
    assert together("tests/http/test_parser.py::test_a[x::y]") == "tests/http/test_parser.py"
    load = together("tests/commands/test_load.py::test_a")
    assert load == together("tests/commands/test_db.py::test_b")
    assert load != together("tests/locustfiles/test_trial.py::test_b")


def test_rooms_whose_modules_share_servers_or_pages_stay_together() -> None:
    of_one, of_another = "tests/conformance/test_ack.py::test_a", "tests/conformance/test_pop.py::test_b"
    assert together(of_one) == together(of_another) != together("tests/faults/test_stop.py::test_a")
    assert together("tests/reports/page/test_page.py::a") == together("tests/reports/test_judge.py::b")


def test_long_rooms_come_first_and_keep_their_order() -> None:
    short, long, *longest = "tests/api/::x", "tests/reports/::y", "tests/commands/::y", "tests/commands/::x"
    items = [cast(pytest.Item, Named(name)) for name in (short, long, *longest)]
    assert [item.nodeid for item in in_order(items)] == [*longest, long, short]


@pytest.mark.parametrize("room", FIRST)
def test_every_room_that_comes_first_is_there(room: str) -> None:
    assert (ROOT / room).is_dir()
