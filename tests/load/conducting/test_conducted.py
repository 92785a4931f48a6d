"""Which windows the figures of a run are of."""

from msgspec.structs import replace

from loadtests.load.conducting.conducted import Conducted
from loadtests.load.conducting.course import Stage
from loadtests.load.measuring.figures import load_result
from loadtests.load.measuring.part import Counts, Part
from loadtests.results import ProducerLedger, StageResult, WorkerShare


def window(number: int, *, acknowledged: int = 0, ledger: tuple[tuple[int, int], ...] = ()) -> Part:
    share = WorkerShare(
        worker=0, host="h", cpu_s=0.1, measured_s=2.0, producers=1, heard_at="x", window=number
    )
    return Part(
        run_tag="t",
        window=number,
        started_at=f"2026-01-01T00:00:0{number}.000+00:00",
        started_monotonic_s=float(number),
        warmup_s=0.0,
        counts=Counts(ok=1, acknowledged=acknowledged),
        ledger=(ProducerLedger(producer=0, partition="p0", acknowledged=ledger),),
        workers=(share,),
    )


def stage(number: int, rate_msg_s: float, measured: Part) -> StageResult:
    return StageResult(number=number, label="x", rate_msg_s=rate_msg_s, load=load_result(measured))


WINDOWS = [window(number, acknowledged=number, ledger=((0, 10 * number),)) for number in (1, 2, 3)]
STAGES = tuple(stage(number, 100.0 * number, WINDOWS[number - 1]) for number in (1, 2, 3))


def test_the_figures_are_of_all_stages_if_none_is_the_answer() -> None:
    conducted = Conducted(STAGES)
    assert conducted.counted_part(WINDOWS).counts.acknowledged == 6
    assert conducted.rate_msg_s is None


def test_the_figures_of_a_search_are_those_of_its_answer_and_the_ledger_is_of_the_whole_run() -> None:
    conducted = Conducted(STAGES, counted=frozenset({2}))
    counted = conducted.counted_part(WINDOWS)
    assert counted.counts.acknowledged == 2
    assert counted.ledger[0].acknowledged == ((0, 30),)
    assert conducted.rate_msg_s == 200.0


def test_a_stage_that_was_cut_short_is_not_mixed_with_the_others() -> None:
    assert Conducted(STAGES[:2]).counted_part(WINDOWS).counts.acknowledged == 3


def test_a_run_that_was_stopped_in_its_first_stage_has_the_figures_of_that() -> None:
    assert Conducted().counted_part(WINDOWS[:1]).counts.acknowledged == 1
    assert Conducted(counted=frozenset({5})).counted_part(WINDOWS).counts.acknowledged == 6


def test_an_answer_that_came_after_its_stage_was_judged_is_in_its_figures() -> None:
    late = [window(1, acknowledged=100), *WINDOWS[1:]]
    (first, second, _) = Conducted(STAGES).with_late_answers(late).stages
    assert first.load.messages_acknowledged == 100
    assert second.load.messages_acknowledged == 2


def test_a_worker_that_was_lost_before_the_counted_stages_is_not_forgotten() -> None:
    (share,) = WINDOWS[0].workers
    first = replace(WINDOWS[0], workers=(share, replace(share, worker=1, complete=False)))
    conducted = Conducted(STAGES, counted=frozenset({2}))
    load = load_result(conducted.counted_part([first, *WINDOWS[1:]]))
    assert [(each.worker, each.complete) for each in load.workers] == [(0, True), (1, False)]
    assert (load.measured_s, load.generator_cpu_s) == (2.0, 0.1)  # those of the counted stage
    assert load.workers[1].producer_s == 0.0


def test_the_stage_that_the_end_of_the_run_cut_short_is_shown_with_its_figures() -> None:
    conducted = Conducted(STAGES[:2], under_way=Stage(number=3, label="third", rate_msg_s=300.0))
    (third,) = conducted.cut_short(WINDOWS)
    assert (third.number, third.label, third.rate_msg_s, third.verdict) == (3, "third", 300.0, "cut short")
    assert third.load.messages_acknowledged == 3
    assert conducted.counted_part(WINDOWS).counts.acknowledged == 3  # of the first two
    assert Conducted(STAGES).cut_short(WINDOWS) == ()
