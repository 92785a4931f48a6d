from typing import Any

from msgspec.structs import replace

from loadtests.ledger.multiset import Layers
from loadtests.ledger.naming import Misplaced
from loadtests.load.measuring.group_accounts import DRAIN, FULL, LedgerState, group_accounts, ledger_state
from loadtests.load.measuring.part import Lane, Part, lost, merge
from loadtests.results import (
    FaultyMessages,
    GroupAccount,
    MessageRange,
    ProducerLedger,
    WorkerShare,
)

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


def test_what_came_again_is_counted_by_its_reason_and_without_one() -> None:
    thrice: Layers = (((0, 9),), ((0, 9),), ((0, 3),))
    found = account(part(lane(delivered=thrice, nacked=(((0, 5),),)), lane(1, delivered=(), lapsed=TEN)))
    assert (found.again_nacked, found.again_lapsed, found.unexplained) == (6, 8, 0)
    assert (found.nacked, found.lapsed, found.again) == (6, 10, 14)
    more = account(part(lane(delivered=thrice, nacked=(((0, 5),),))))
    assert (more.again_nacked, more.again_lapsed, more.unexplained) == (6, 0, 8)
    assert (account(part(lane())).again, account(part(lane(nacked=TEN))).again) == (0, 0)
    gone = merge([part(lane()), lost(part(lane(worker=1), worker=1))])
    assert (account(gone).again_lapsed, account(gone).unexplained) == (10, 0)
    assert ledger_state(gone).again == 10


def test_order_is_judged_within_each_worker_and_the_last_reading_is_no_other() -> None:
    assert account(part(lane(), lane(worker=1))).order_judged == "per worker"
    assert account(part(lane(), lane(worker=DRAIN, delivered=(), late=((0, 1),)))).order_judged == "all"
    assert account(part(lane(late=((3, 3),)), lane(worker=1, late=((3, 4),)))).out_of_order == 2


def test_what_is_out_of_order_is_named_once_with_what_came_first() -> None:
    told = (Misplaced(3, 4, after=5), Misplaced(8, 9, after=12))
    one = lane(late=((3, 4), (8, 9)), came_late=told)
    other = lane(worker=1, late=((4, 5),), came_late=(Misplaced(4, 5, after=7),))
    unsure = ProducerLedger(producer=0, partition="p0", acknowledged=((0, 8),), unknown=((9, 9),))
    found = account(part(other, one, ledger=(unsure,)))
    (named,) = (fault for fault in found.faults if "out of order" in fault)
    assert named == "4 out of order (producer 0 in p0: 3-4 after 5, 8 after 12, 5 after 7)"


def test_out_of_order_are_those_that_were_acknowledged_and_no_other_takes_their_place() -> None:
    """What has no answer may have been stored late, and of what was pushed last nobody may have heard."""
    unsure = ProducerLedger(producer=0, partition="p0", acknowledged=((0, 7),), unknown=((8, 9),))
    assert account(part(lane(late=((8, 9),)), ledger=(unsure,))).out_of_order == 0
    assert account(part(lane(late=((5, 8),)), ledger=(unsure,))).out_of_order == 3
    gone = lost(part(lane(worker=1, delivered=(((0, 12),),), late=((6, 12),)), worker=1))
    assert account(gone).out_of_order == 4


def test_what_nobody_has_pushed_is_unexplained_when_all_pushes_have_ended() -> None:
    producer = ProducerLedger(
        producer=0, partition="p0", acknowledged=((0, 5),), unknown=((6, 7),), refused=((8, 8),)
    )
    total = part(lane(), lane(partition="p1", delivered=(((0, 1),),)), ledger=(producer,))
    assert account(total).unexplained == 2 + 2  # 8 was refused, 9 never sent, and none goes to p1
    assert ledger_state(total).unexplained == 0  # an answer may still be on its way


def test_what_a_lost_process_has_pushed_is_not_unexplained() -> None:
    told = ProducerLedger(producer=100_000, partition="p0", acknowledged=((0, 5),), refused=((6, 6),))
    of_told: dict[str, Any] = {"producer": 100_000, "delivered": (((0, 9),),)}
    of_untold: dict[str, Any] = {"producer": 100_001, "partition": "p1"}
    gone = lost(part(worker=1, ledger=(told,)))
    assert account(merge([part(lane(**of_told)), gone])).unexplained == 1  # 6 was refused
    assert account(merge([part(lane(**of_untold)), gone])).unexplained == 0
    assert account(merge([part(lane(**of_told | {"partition": "p1"})), gone])).unexplained == 10
    assert account(part(lane(**of_untold))).unexplained == 10


def test_of_a_group_whose_account_was_full_only_what_is_certain_is_said() -> None:
    full = part(lane(full=True, delivered=(((0, 7),),), late=((3, 3),)), lane(worker=1, delivered=TWICE))
    found = account(full)
    assert (found.delivered, found.undelivered, found.unexplained, found.again) == (10, 0, None, None)
    assert (found.out_of_order, found.holds, found.unjudged) == (1, False, FULL)
    missing = account(part(lane(full=True, delivered=(((0, 7),),))))
    assert (missing.undelivered, missing.holds) == (None, True)
    assert (ledger_state(full).unexplained, ledger_state(full).again) == (None, None)


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
        refused=1,
        delivered=14,
        nacked=2,
        lapsed=0,
        again=0,
        unexplained=1,
        out_of_order=0,
    )


def test_what_never_came_and_what_came_too_often_is_named() -> None:
    of_one = ProducerLedger(producer=1, partition="p1", acknowledged=((0, 9),), refused=((10, 10),))
    ledger = (ProducerLedger(producer=0, partition="p0", acknowledged=((0, 9),)), of_one)
    lanes = (
        lane(delivered=(((0, 4), (6, 9)), ((2, 3), (8, 8)), ((2, 2),)), nacked=(((8, 8),),)),
        lane(producer=1, partition="p1", delivered=(((0, 7), (10, 10)),)),
    )
    whole = account(part(*lanes, ledger=ledger))
    assert (whole.undelivered, whole.unexplained) == (3, 4)
    assert whole.faulty == (
        FaultyMessages(fault="undelivered", named=(*of("p0", 0, (5, 5)), *of("p1", 1, (8, 9)))),
        FaultyMessages(fault="unexplained", named=(*of("p0", 0, (2, 3)), *of("p1", 1, (10, 10)))),
    )
    (undelivered, unexplained) = whole.named_faults
    assert undelivered == "3 undelivered at g (producer 0 in p0: 5; producer 1 in p1: 8-9)"
    assert unexplained == "4 unexplained at g (producer 0 in p0: 2-3; producer 1 in p1: 10)"


def test_what_is_named_is_the_same_in_shards() -> None:
    """Whoever of two workers had which of the deliveries, and in whatever order they reported."""
    whole = account(part(lane(delivered=(((0, 4), (6, 9)), ((2, 3),)))))
    shards = [
        part(lane(1, delivered=(((0, 3), (9, 9)),)), worker=1, ledger=()),
        part(lane(0, delivered=(((2, 4), (6, 8)),))),
    ]
    assert whole.faulty
    assert account(merge(shards)).faulty == account(merge(shards[::-1])).faulty == whole.faulty


def test_what_is_not_known_is_not_named() -> None:
    short = lane(delivered=(((0, 7),), ((3, 3),)))
    (only,) = account(part(short), drained=False).faulty
    assert only.fault == "unexplained"
    assert account(part(replace(short, full=True)), drained=True).faulty == ()


def of(partition: str, producer: int, *ranges: tuple[int, int]) -> tuple[MessageRange, ...]:
    return tuple(
        MessageRange(producer=producer, partition=partition, first=first, last=last) for first, last in ranges
    )
