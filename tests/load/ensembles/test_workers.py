"""The ensemble of many, over a master that passes messages as the test says."""

from types import SimpleNamespace
from typing import Any, cast

import gevent
import msgspec
import pytest
from locust.event import Events
from locust.runners import STATE_MISSING, STATE_RUNNING, STATE_STOPPED, MasterRunner, WorkerNode, WorkerNodes
from msgspec.structs import replace

from loadtests.load.conducting.course import Stage
from loadtests.load.ensembles import orders, workers
from loadtests.load.ensembles.orders import (
    Briefing,
    CollectOrder,
    FinishOrder,
    Report,
    StageOrder,
    WindowOrder,
    pack,
    unpack,
)
from loadtests.load.ensembles.workers import Workers
from loadtests.load.measuring.figures import load_result, measured_s, unanswered
from loadtests.load.measuring.part import Counts, Part, Step, said_once
from loadtests.load.plan import LoadPlan
from loadtests.results import ProducerLedger, WorkerShare

PLAN = LoadPlan(host="http://127.0.0.1:1", trial_directory="x", run_tag="now", users=4)
DEADLINE_S = 5.0


class FakeMaster:
    """What `Workers` uses of Locust's master."""

    def __init__(self, *names: str) -> None:
        self.clients = WorkerNodes()
        for name in names:
            self.clients[name] = WorkerNode(name, state=STATE_RUNNING)
        self.environment = SimpleNamespace(parsed_options=SimpleNamespace(), events=Events())
        self.target_user_count, self.spawn_rate = 4, 2.0
        self.state = STATE_RUNNING
        self.starts: list[tuple[int, float]] = []
        self.sent: list[tuple[str, Any]] = []
        self.answers: list[Any] = []  # called with each message that is sent
        self._numbers: dict[str, int] = {}
        self._listener: Any = None

    @property
    def worker_count(self) -> int:
        return sum(node.state == STATE_RUNNING for node in self.clients.values())

    @property
    def briefing(self) -> Briefing | None:
        text = getattr(self.environment.parsed_options, orders.BRIEFING_OPTION)
        return msgspec.json.decode(text, type=Briefing) if text else None

    def start(self, user_count: int, spawn_rate: float) -> None:
        self.starts.append((user_count, spawn_rate))
        self.environment.events.spawning_complete.fire(user_count=user_count)

    def get_worker_index(self, name: str) -> int:
        return self._numbers.setdefault(name, len(self._numbers))

    def register_message(self, name: str, listener: Any) -> None:
        assert name == orders.REPORT
        self._listener = listener

    def send_message(self, name: str, data: Any) -> None:
        self.sent.append((name, data))
        for answer in self.answers:
            answer(name, data)

    def says(self, name: str, *parts: Part, serial: int = 0, final: bool = False) -> None:
        report = pack(Report(parts, serial, final))
        self._listener(environment=None, msg=SimpleNamespace(node_id=name, data=report))


def part(worker: int, window: int = 1, *, ok: int = 10, run_tag: str = "now") -> Part:
    return Part(
        run_tag=run_tag,
        window=window,
        started_at=f"2026-01-01T00:00:0{window}.000+00:00",
        started_monotonic_s=float(window),
        warmup_s=float(window),
        counts=Counts(ok=ok),
        ledger=(ProducerLedger(producer=worker * 100_000, partition="p0", acknowledged=((0, ok - 1),)),),
        workers=(
            WorkerShare(
                worker=worker,
                host="h",
                cpu_s=0.5,
                measured_s=1.0,
                producers=1,
                heard_at="2026-01-01",
                window=window,
            ),
        ),
    )


def begun(*names: str) -> tuple[Workers, FakeMaster]:
    master = FakeMaster(*names)
    ensemble = Workers(cast(MasterRunner, master))
    ensemble.begin(PLAN)
    return ensemble, master


def test_who_comes_while_the_users_are_dealt_out_gets_some_too() -> None:
    _, master = begun("a")
    master.environment.events.spawning_complete.fire(user_count=4)
    gevent.sleep()
    assert master.starts == []
    master.clients["b"] = WorkerNode("b")
    master.environment.events.spawning_complete.fire(user_count=4)
    gevent.sleep()
    assert master.starts == [(4, 2.0)]


def test_a_run_that_has_stopped_meanwhile_is_not_begun_again() -> None:
    _, master = begun("a")
    master.clients["b"] = WorkerNode("b")
    master.environment.events.spawning_complete.fire(user_count=4)
    master.state = STATE_STOPPED
    gevent.sleep()
    assert master.starts == []


def test_where_there_are_more_workers_than_users_they_are_not_dealt_out_again_and_again() -> None:
    _, master = begun("a")
    master.clients["b"] = WorkerNode("b")  # it never gets any
    for _ in range(3):
        master.environment.events.spawning_complete.fire(user_count=4)
        gevent.sleep()
    assert len(master.starts) == 1


def test_the_plan_goes_to_every_worker_and_says_how_many_they_are() -> None:
    _, master = begun("a", "b", "c")
    briefing = master.briefing
    assert briefing is not None
    assert (briefing.plan.workers, briefing.plan.users, briefing.window) == (3, 4, 0)


def test_one_who_comes_later_is_told_of_the_window_that_is_open() -> None:
    ensemble, master = begun("a")
    ensemble.open_window()
    assert master.briefing is not None
    assert (master.briefing.window, master.briefing.open) == (1, True)
    ensemble.close_window()
    assert (master.briefing.window, master.briefing.open) == (1, False)
    opened, closed = (unpack(data, WindowOrder) for _, data in master.sent)
    assert (opened, closed) == (WindowOrder("now", 1, True), WindowOrder("now", 1, False))


def test_a_stage_goes_to_all_and_to_one_who_comes_later() -> None:
    ensemble, master = begun("a")
    stages = [Stage(number=number, label=f"{number}", rate_msg_s=100.0 * number) for number in (1, 2)]
    for stage in stages:
        ensemble.start_stage(stage)
    sent = [unpack(data, StageOrder) for name, data in master.sent if name == orders.STAGE]
    assert [(order.stage, order.serial) for order in sent] == [(stages[0], 1), (stages[1], 2)]
    assert master.briefing is not None
    assert master.briefing.stage == sent[1]


def test_a_host_that_is_none_is_refused_before_anybody_begins() -> None:
    master = FakeMaster("a")
    with pytest.raises(ValueError, match="http://"):
        Workers(cast(MasterRunner, master)).begin(msgspec.structs.replace(PLAN, host="ftp://x"))
    assert not hasattr(master.environment.parsed_options, orders.BRIEFING_OPTION)


def test_before_anybody_has_reported_there_is_an_empty_part() -> None:
    ensemble, _ = begun("a")
    assert ensemble.checkpoint().sum().counts == Counts()
    ensemble.open_window()
    total = ensemble.checkpoint().sum()
    assert (total.window, total.counts, measured_s(total)) == (1, Counts(), 0.0)


def test_a_later_report_of_a_window_replaces_the_one_before() -> None:
    ensemble, master = begun("a", "b")
    ensemble.open_window()
    master.says("a", part(0, ok=3))
    master.says("b", part(1, ok=5))
    master.says("a", part(0, ok=4))
    assert ensemble.checkpoint().sum().counts.ok == 9


def test_reports_of_the_run_before_are_not_counted() -> None:
    ensemble, master = begun("a")
    ensemble.open_window()
    master.says("a", part(0, run_tag="before"))
    assert ensemble.checkpoint().sum().counts.ok == 0


def test_who_has_not_reported_of_the_window_yet_adds_only_its_ledger() -> None:
    ensemble, master = begun("a", "b")
    early = part(0, window=0, ok=7)
    master.says("a", replace(early, workers=(replace(early.workers[0], unanswered=2),)))
    ensemble.open_window()
    master.says("b", part(1, window=1, ok=5))
    total = ensemble.checkpoint().sum()
    assert unanswered(total) == 2
    assert total.counts.ok == 5
    assert [producer.acknowledged for producer in total.ledger] == [((0, 6),), ((0, 4),)]
    assert load_result(total).measured_s == 1.0


def test_the_end_waits_for_the_last_word_of_all() -> None:
    ensemble, master = begun("a", "b")
    ensemble.open_window()
    master.says("a", part(0, ok=1))

    def answer(name: str, data: Any) -> None:
        if name == orders.FINISH:
            assert unpack(data, FinishOrder) == FinishOrder("now", 3.0)
            gevent.spawn_later(0.02, master.says, "a", part(0, ok=2), final=True)
            gevent.spawn_later(0.04, master.says, "b", part(1, ok=3), final=True)

    master.answers.append(answer)
    with gevent.Timeout(DEADLINE_S):
        collected = ensemble.finish(3.0)
        assert ensemble.finish(3.0) is collected
    assert collected.silent == ()
    assert collected.sum().counts.ok == 5
    assert [name for name, _ in master.sent].count(orders.FINISH) == 1
    assert master.briefing is None, "who comes now finds no run"


@pytest.mark.parametrize("how", ["missing", "left"])
def test_nobody_waits_for_one_who_has_gone_and_its_last_report_is_what_is_known(how: str) -> None:
    ensemble, master = begun("a", "b")
    ensemble.open_window()
    master.says("a", part(0, ok=4))
    master.says("b", part(1, ok=5))
    if how == "missing":
        master.clients["a"].state = STATE_MISSING
    else:
        del master.clients["a"]
    master.says("b", part(1, ok=6), final=True)
    with gevent.Timeout(DEADLINE_S):
        collected = ensemble.finish(30.0)
    assert collected.silent == (0,)
    total = collected.sum()
    assert total.counts.ok == 10
    assert [producer.unheard for producer in total.ledger] == [True, False]
    assert [share.complete for share in total.workers] == [False, True]


def test_one_who_says_nothing_to_the_end_is_waited_for_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "LAST_WORD_S", 0.05)
    ensemble, master = begun("a")
    ensemble.open_window()
    master.says("a", part(0, ok=4))
    with gevent.Timeout(DEADLINE_S):
        collected = ensemble.finish(0.0)
    assert collected.silent == (0,)
    assert not collected.sum().workers[0].complete


def test_one_who_went_in_the_warm_up_has_measured_nothing_and_is_not_forgotten() -> None:
    ensemble, master = begun("a", "b")
    master.says("a", part(0, window=0, ok=8))
    ensemble.open_window()
    del master.clients["a"]
    master.says("b", part(1, ok=5), final=True)
    total = ensemble.finish(0.0).sum()
    assert total.counts.ok == 5
    assert load_result(total).measured_s == 1.0
    assert total.ledger[0].acknowledged == ((0, 7),)
    assert total.ledger[0].unheard


def test_one_who_went_before_its_first_word_is_not_forgotten() -> None:
    ensemble, master = begun("a", "b")
    ensemble.open_window()
    del master.clients["a"]
    master.says("b", part(1, ok=5), final=True)
    collected = ensemble.finish(0.0)
    assert collected.silent == (0,)
    assert [(share.worker, share.complete) for share in collected.sum().workers] == [(0, False), (1, True)]


def test_who_was_silent_and_comes_back_with_its_last_word_is_heard() -> None:
    ensemble, master = begun("a")
    ensemble.open_window()
    master.says("a", part(0, ok=4))
    master.clients["a"].state = STATE_MISSING
    assert ensemble.checkpoint().silent == (0,)
    master.clients["a"].state = STATE_RUNNING
    master.says("a", part(0, ok=9), final=True)
    collected = ensemble.finish(0.0)
    assert (collected.silent, collected.sum().counts.ok) == ((), 9)


def test_each_window_is_a_part_of_its_own_of_each_worker() -> None:
    ensemble, master = begun("a", "b")
    for window in (1, 2):
        ensemble.open_window()
        master.says("a", part(0, window, ok=window))
    del master.clients["a"]  # known as it reported them
    master.says("b", part(1, 1, ok=10), part(1, 2, ok=20), final=True)
    collected = ensemble.finish(0.0)
    assert [(each.window, each.counts.ok) for each in collected.parts] == [(1, 1), (2, 2), (1, 10), (2, 20)]
    total = collected.sum()
    assert (total.counts.ok, measured_s(total)) == (33, 2.0)


def test_what_is_of_the_whole_run_is_said_and_kept_once_however_many_windows_there_are() -> None:
    ensemble, master = begun("a", "b")
    for window in (1, 2):
        ensemble.open_window()
        master.says("a", part(0, window, ok=window))
    del master.clients["a"]
    master.says("b", *said_once([part(1, 1, ok=20), part(1, 2, ok=20)]), final=True)
    first, second = ensemble.finish(0.0).windows()
    assert first.ledger == second.ledger
    assert [producer.acknowledged for producer in first.ledger] == [((0, 1),), ((0, 19),)]
    assert [each.ledger for each in said_once([part(1, 1), part(1, 2)])] == [(), part(1).ledger]


def test_collecting_asks_for_the_latest_window_and_takes_no_earlier_answer() -> None:
    ensemble, master = begun("a")
    ensemble.open_window()
    master.says("a", part(0, ok=1))

    def answer(name: str, data: Any) -> None:
        if name == orders.COLLECT:
            order = unpack(data, CollectOrder)
            gevent.spawn_later(0.02, master.says, "a", part(0, ok=order.serial * 10), serial=order.serial)

    master.answers.append(answer)
    with gevent.Timeout(DEADLINE_S):
        assert [ensemble.collect(30.0).sum().counts.ok for _ in range(2)] == [10, 20]


def test_a_checkpoint_does_not_take_the_place_of_an_answer_while_others_are_waited_for() -> None:
    ensemble, master = begun("a", "b")
    ensemble.open_window()
    whole = replace(part(0, ok=10), steps=(Step(1, 0, due=10, sent=10),))

    def answer(name: str, data: Any) -> None:
        if name == orders.COLLECT:
            serial = unpack(data, CollectOrder).serial
            master.says("a", whole, serial=serial)
            master.says("a", part(0, ok=12))  # without steps, as checkpoints are
            gevent.spawn_later(0.02, master.says, "b", part(1, ok=1), serial=serial)

    master.answers.append(answer)
    with gevent.Timeout(DEADLINE_S):
        collected = ensemble.collect(30.0).sum()
    assert (collected.counts.ok, collected.steps) == (11, whole.steps)
    assert ensemble.checkpoint().sum().counts.ok == 13  # what was said last
