import pytest

from loadtests.ledger.patience import LEAST_S, patience_s
from loadtests.results import ProducerLedger

SLOWEST_ROWS_PER_S = 100_000  # that was seen on a poor machine


def producers(messages: int, of: int = 20) -> list[ProducerLedger]:
    return [
        ProducerLedger(producer=number, partition="p0", acknowledged=((0, messages // of - 1),))
        for number in range(of)
    ]


def test_eight_hours_of_twenty_producers_are_read_with_time_to_spare() -> None:
    messages = 20 * 50 * 8 * 3600
    assert patience_s(producers(messages)) > 3 * messages / SLOWEST_ROWS_PER_S


@pytest.mark.parametrize("messages", [0, 20, 100_000])
def test_a_few_messages_have_a_minute_too(messages: int) -> None:
    assert patience_s(producers(messages)) == LEAST_S


def test_what_may_be_stored_is_looked_up_as_well_and_what_was_refused_is_not() -> None:
    many = ((0, 9_999_999),)
    told = ProducerLedger(producer=0, partition="p0", acknowledged=many)
    doubtful = ProducerLedger(producer=0, partition="p0", acknowledged=(), unknown=many)
    refused = ProducerLedger(producer=0, partition="p0", acknowledged=(), refused=many)
    assert patience_s([told]) == patience_s([doubtful]) > LEAST_S
    assert patience_s([refused]) == LEAST_S
