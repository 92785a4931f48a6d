import pytest

from loadtests.runs.control import Answer, Ask, Changed, ChangePool, Noted, Refused
from loadtests.runs.server_facts import ServerFacts, read_facts
from loadtests.ui.pool_control import PoolControl
from tests.ui.support import FakeParent


def test_the_next_run_is_recorded_with_the_servers_new_facts() -> None:
    parent = FakeParent(Changed(ServerFacts(pool=7, strategy="batch")))
    environ: dict[str, str] = {}
    outcome = PoolControl(parent, lambda: False, environ).change("7")
    assert (outcome.status, outcome.text) == (200, "the server runs with a pool of 7")
    assert parent.asked == [ChangePool(7)]
    assert read_facts(environ) == ServerFacts(pool=7, strategy="batch")


@pytest.mark.parametrize("asked", ["", "many", "-1", "1.5", "٣", "9" * 10, " 7"])
def test_what_is_no_number_never_reaches_the_parent(asked: str) -> None:
    parent = FakeParent()
    assert PoolControl(parent, lambda: False, {}).change(asked).status == 400
    assert parent.asked == []


def test_it_is_refused_while_a_run_is_on() -> None:
    parent = FakeParent()
    outcome = PoolControl(parent, lambda: True, {}).change("7")
    assert (outcome.status, parent.asked) == (409, [])
    assert "a run is on" in outcome.text


def test_it_is_refused_while_the_server_is_being_started_anew() -> None:
    class Slow(FakeParent):
        def ask(self, ask: Ask, timeout_s: float) -> Answer:
            assert control.restarting
            second.append(control.change("8").status)
            return super().ask(ask, timeout_s)

    second: list[int] = []
    control = PoolControl(Slow(Refused("no room")), lambda: False, {})
    assert control.change("7").text == "no room"
    assert second == [409]
    assert not control.restarting


def test_an_answer_that_does_not_fit_changes_nothing() -> None:
    environ: dict[str, str] = {}
    assert PoolControl(FakeParent(Noted()), lambda: False, environ).change("7").status == 409
    assert environ == {}
