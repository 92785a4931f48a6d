"""Little's law, forwards and backwards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.stats import littles_law


def test_a_thousand_loans_of_twenty_milliseconds_keep_twenty_connections_busy() -> None:
    assert littles_law.connections_needed(1_000, 20) == pytest.approx(20)


@pytest.mark.parametrize(("loans_per_s", "hold_ms"), [(1, -1), (-1, 1)])
def test_a_negative_rate_or_time_is_refused(loans_per_s: float, hold_ms: float) -> None:
    with pytest.raises(ValueError, match="negative"):
        littles_law.connections_needed(loans_per_s, hold_ms)


@given(rtt=st.floats(0.1, 100), statements=st.floats(1, 100), work=st.floats(0, 100))
def test_statements_per_loan_are_read_off_two_hold_times(rtt: float, statements: float, work: float) -> None:
    near, far = work, rtt * statements + work
    assert littles_law.statements_per_loan(far, near, rtt) == pytest.approx(statements, rel=1e-6)


def test_equal_round_trips_say_nothing_about_statements() -> None:
    assert littles_law.statements_per_loan(5, 5, 0) is None
