"""What a generator says against itself while it runs."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from loadtests.load.measuring.histogram import LatencyHistogram
from loadtests.load.measuring.part import Counts, Part
from loadtests.load.measuring.watch import Watch, warnings
from loadtests.load.plan import LoadPlan
from loadtests.results import ErrorCount, RunFiles, WorkerShare

SHARE = WorkerShare(worker=0, host="h", cpu_s=1.0, measured_s=10.0, producers=1, heard_at="2026-01-01")
PART = Part(
    run_tag="t",
    window=1,
    started_at="2026-01-01T00:00:00.000+00:00",
    started_monotonic_s=1.0,
    warmup_s=0.0,
    counts=Counts(ok=1000, acknowledged=10_000),
    workers=(SHARE,),
)


def reasons(part: Part) -> list[str]:
    return [warning.reason for warning in warnings(part)]


def test_a_generator_with_room_has_nothing_against_itself() -> None:
    assert reasons(PART) == []


@pytest.mark.parametrize(("missed", "said"), [(1, []), (2, ["missed"])])
def test_pushes_that_it_left_out_are_said(missed: int, said: list[str]) -> None:
    counts = Counts(ok=900, pending=1000, held=1, missed=missed, acknowledged=9_000)
    assert reasons(replace(PART, counts=counts)) == said


def test_a_busy_process_is_said() -> None:
    busy = replace(PART, workers=(SHARE, replace(SHARE, worker=1, cpu_s=9.0)))
    assert reasons(busy) == ["generator_limited"]


def test_what_the_server_held_back_and_its_own_lateness_are_said() -> None:
    late, slow = LatencyHistogram(), LatencyHistogram()
    late.record(0.08)
    slow.record(0.089)
    part = replace(PART, counts=replace(PART.counts, held=600), lag=late.counts(), response=slow.counts())
    assert reasons(part) == ["held_back", "schedule_lag"]


def test_before_anything_was_measured_there_is_nothing_to_say() -> None:
    assert reasons(replace(PART, counts=Counts(), workers=())) == []


def test_while_it_runs_it_says_each_thing_once_and_not_at_the_first_moment(
    caplog: pytest.LogCaptureFixture,
) -> None:
    files, plan = RunFiles(Path("x")), LoadPlan(host="http://x", trial_directory="x", run_tag="t")
    watch = Watch()

    def look(measured_s: float) -> None:
        share = replace(SHARE, measured_s=measured_s, cpu_s=measured_s)
        watch.looked(replace(PART, workers=(share,)))

    watch.began(files, plan)
    look(1.0)
    assert not caplog.messages
    look(4.0)
    look(5.0)
    assert caplog.messages == ["generator limited: Locust process 0 used 100% of a core"]
    watch.began(files, plan)
    look(4.0)
    assert len(caplog.messages) == 2, "the next run says it again"


def test_a_run_that_pushes_in_vain_is_said_when_it_begins_to_and_when_that_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now_s = 0.0
    watch = Watch(lambda: now_s)
    refused = ErrorCount(status=401, code="unauthorized", text="no token", requests=1)

    def look(acknowledged: int) -> None:
        nonlocal now_s
        now_s += 1
        counts = Counts(acknowledged=acknowledged, not_done=int(now_s))
        errors = (replace(refused, requests=int(now_s)),)
        watch.looked(replace(PART, counts=counts, errors=errors, workers=(replace(SHARE, measured_s=now_s),)))

    for _ in range(20):
        look(0)
    assert caplog.messages == [
        "no push was acknowledged in the last 5 s: pushes were answered 401 unauthorized: no token"
    ]
    look(10)
    look(20)
    assert caplog.messages[1:] == ["pushes are acknowledged again, or none is due any more"]
