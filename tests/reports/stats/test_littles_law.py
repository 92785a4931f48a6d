"""Little's law, forwards and backwards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.stats import littles_law


def test_a_thousand_pushes_of_twenty_milliseconds_keep_twenty_connections_busy() -> None:
    found = littles_law.need(1_000, 20, busy_measured=19)
    assert found.connections_needed == pytest.approx(20)
    assert found.disagreement == pytest.approx(1 / 19)


def test_without_a_measurement_there_is_no_disagreement() -> None:
    assert littles_law.need(1_000, 20).disagreement is None


def test_a_negative_time_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        littles_law.need(1, -1)


@given(rtt=st.floats(0.1, 100), statements=st.floats(1, 100), work=st.floats(0, 100))
def test_statements_per_push_are_read_off_two_hold_times(rtt: float, statements: float, work: float) -> None:
    near, far = work, rtt * statements + work
    assert littles_law.statements_per_push(far, near, rtt) == pytest.approx(statements, rel=1e-6)


def test_equal_round_trips_say_nothing_about_statements() -> None:
    assert littles_law.statements_per_push(5, 5, 0) is None
