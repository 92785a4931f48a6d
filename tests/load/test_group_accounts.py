from typing import Any

from loadtests.load.group_accounts import DRAIN, LedgerState, group_accounts, ledger_state
from loadtests.load.part import Lane, Layers, Part, lost, merge
from loadtests.results import GroupAccount, ProducerLedger, WorkerShare

TEN: Layers = (((0, 9),),)
TWICE: Layers = (((0, 9),), ((0, 9),))


def lane(worker: int = 0, **changes: Any) -> Lane:
    given: dict[str, Any] = {"group": "g", "partition": "p0", "producer": 0, "delivered": TEN}
    return Lane(worker=worker, **(given | changes))


def part(*lanes: Lane, worker: int = 0, **changes: Any) -> Part:
    given: dict[str, Any] = {
        "run_tag": "t1",
        "window": 1,
        "started_at": "2026-01-01T00:00:00.000+00:00",
        "started_monotonic_s": 5.0,
        "warmup_s": 1.0,
        "lanes": lanes,
        "ledger": (ProducerLedger(producer=0, partition="p0", acknowledged=((0, 9),)),),
        "workers": (
            WorkerShare(
                worker=worker, host="h", cpu_s=0.1, measured_s=1.0, producers=1, heard_at="2026-01-01"
            ),
        ),
    }
    return Part(**(given | changes))


def account(total: Part, *, drained: bool = True) -> GroupAccount:
    (found,) = group_accounts(total, drained=drained)
    return found


def test_a_group_that_received_everything_once_holds() -> None:
    found = account(part(lane()))
    assert found.holds
    assert (found.delivered, found.undelivered, found.order_judged) == (10, 0, "all")


def test_what_never_came_is_known_only_of_a_group_that_was_read_to_its_end() -> None:
    short = lane(delivered=(((0, 7),),))
    assert account(part(short), drained=False).undelivered is None
    assert account(part(short), drained=False).holds
    assert account(part(short)).undelivered == 2
    assert not account(part(short)).holds


def test_a_group_that_received_nothing_is_not_forgotten() -> None:
    (found,) = group_accounts(part(), drained=True, groups=("g",))
    assert (found.group, found.undelivered, found.holds) == ("g", 10, False)


def test_a_repeat_needs_a_reason_of_its_own_wherever_it_was_received() -> None:
    assert account(part(lane(delivered=TWICE))).unexplained == 10
    assert account(part(lane(), lane(worker=1))).unexplained == 10
    assert account(part(lane(nacked=TEN), lane(worker=1))).unexplained == 0
    assert account(part(lane(lapsed=(((0, 4),),)), lane(worker=1))).unexplained == 5
    assert account(part(lane(delivered=TWICE, lapsed=TEN), lane(worker=1))).unexplained == 10


def test_order_is_judged_within_each_worker_and_the_last_reading_is_no_other() -> None:
    assert account(part(lane(), lane(worker=1))).order_judged == "per worker"
    assert account(part(lane(), lane(worker=DRAIN, delivered=(), out_of_order=2))).order_judged == "all"
    assert account(part(lane(out_of_order=1), lane(worker=1, out_of_order=2))).out_of_order == 3


def test_what_may_have_been_applied_late_is_not_called_out_of_order() -> None:
    unsure = ProducerLedger(producer=0, partition="p0", acknowledged=((0, 7),), unknown=((8, 9),))
    assert account(part(lane(out_of_order=2), ledger=(unsure,))).out_of_order == 0
    assert account(part(lane(out_of_order=3), ledger=(unsure,))).out_of_order == 1


def test_of_a_worker_that_was_lost_each_delivery_may_have_lapsed() -> None:
    gone = lost(part(lane(worker=1), worker=1))
    assert account(merge([part(lane()), gone])).unexplained == 0
    assert account(merge([part(lane(delivered=TWICE)), gone])).unexplained == 10
    missing = merge(
        [part(lane(delivered=(((0, 4),),))), lost(part(lane(1, delivered=(((5, 7),),)), worker=1))]
    )
    assert account(missing).undelivered is None


def test_groups_are_apart() -> None:
    found = group_accounts(part(lane(), lane(group="h", delivered=TWICE)), drained=True)
    assert [(each.group, each.unexplained) for each in found] == [("g", 0), ("h", 10)]


def test_the_state_of_a_run_that_goes_on() -> None:
    producer = ProducerLedger(
        producer=0, partition="p0", acknowledged=((0, 9),), unknown=((10, 11),), refused=((12, 12),)
    )
    total = part(
        lane(nacked=(((0, 1),),)), lane(group="h", delivered=(((0, 3),), ((0, 0),))), ledger=(producer,)
    )
    assert ledger_state(total) == LedgerState(
        issued=13,
        acknowledged=10,
        unknown=2,
        delivered=14,
        nacked=2,
        lapsed=0,
        unexplained=1,
        out_of_order=0,
    )
