"""From looks to figures: differences over the window, on the trial's clock, None where nothing was seen."""

from dataclasses import replace

import msgspec
import pytest
from msgspec import structs

from loadtests.results import Cell, StageResult, WorkerShare
from loadtests.sweep import measures
from loadtests.sweep.activity import Activity
from loadtests.sweep.pool_gauges import Boarding, Histogram, PoolReading, decode
from loadtests.sweep.proc_tree import Usage
from loadtests.sweep.sampling import Look
from loadtests.sweep.series import Window, increase, value_at
from tests.sweep.made import made_load, made_trial

WINDOW = Window(100.0, 101.0)


def reading(at_s: float) -> PoolReading:
    """A pool in steady state: 50 acquires/s, 5 ms hold, 20 ms wait, 4 of 5 in use, 30 waiting."""
    since_s = at_s - 90.0
    finished = Histogram((round(50 * since_s), 0))
    return PoolReading(
        total_count=5,
        idle_count=1,
        waiting_count=30,
        acquires=round(50 * since_s),
        timeouts=round(10 * since_s),
        connects=5,
        lost=0,
        hold_seconds=0.005 * 50 * since_s,
        wait_seconds=0.020 * 50 * since_s,
        busy_seconds=4 * since_s,
        waiting_seconds=30 * since_s,
        hold_histogram=finished,
        wait_histogram=finished,
        loop_lag_ms=0.5,
    )


def look(at_s: float, *, seen: bool = True, tree: bool = True) -> Look:
    since_s = at_s - 90.0
    return Look(
        at_s=at_s,
        pool=reading(at_s) if seen else None,
        pool_at_s=at_s,
        activity=Activity(5, 1, 0, 2, 1, 0, 0, 0, 2, round(1e6 * since_s), 1000) if seen else None,
        server=Usage(0.8 * since_s, 40_000_000),
        generator=Usage(0.2 * since_s, 60_000_000),
        relay=None,
        postgres=Usage(0.5 * since_s, 90_000_000) if tree else None,
        own_cpu_s=0.05 * since_s,
        machine_busy_s=1.8 * since_s,
    )


def test_values_between_samples_lie_on_the_line() -> None:
    assert value_at([0, 1, 3], [0, 10, 30], 0.5) == 5
    assert value_at([0, 1, 3], [0, 10, 30], 2) == 20
    assert value_at([0, 1, 3], [0, 10, 30], -1) == 0
    assert value_at([0, 1, 3], [0, 10, 30], 9) == 30
    assert increase([0, 1, 3], [0, 10, 30], Window(0.5, 2.5)) == pytest.approx(20)
    with pytest.raises(ValueError, match="no samples"):
        value_at([], [], 1)


def test_the_pool_s_use_is_that_of_the_window() -> None:
    looks = [look(99.93 + tenth / 10, seen=tenth != 5) for tenth in range(15)]
    use = measures.pool_use(looks, WINDOW)
    assert use is not None
    assert use.acquires == pytest.approx(50, abs=1)
    assert use.timeouts == pytest.approx(10, abs=1)
    assert (use.connects, use.lost) == (0, 0)
    assert use.hold_mean_ms == pytest.approx(5, rel=0.05)
    assert use.wait_mean_ms == pytest.approx(20, rel=0.05)
    assert use.busy_mean == pytest.approx(4)
    assert use.waiting_mean == pytest.approx(30)


@pytest.mark.parametrize(("restarted_s", "known"), [(99.0, True), (100.5, False), (102.0, True)])
def test_what_a_process_had_counted_that_ended_in_the_window_is_not_known(
    restarted_s: float, known: bool
) -> None:
    """Its counters begin anew: the difference would be negative, or, later on, merely too small."""
    looks = [look(98.03 + tenth / 10) for tenth in range(50)]
    begun = reading(restarted_s)
    anew = [
        replace(
            each,
            pool=structs.replace(
                each.pool,
                acquires=each.pool.acquires - begun.acquires,
                hold_seconds=each.pool.hold_seconds - begun.hold_seconds,
                busy_seconds=each.pool.busy_seconds - begun.busy_seconds,
            ),
        )
        if each.at_s > restarted_s and each.pool is not None
        else each
        for each in looks
    ]
    use = measures.pool_use(anew, WINDOW)
    assert (use is not None) is known
    if use is not None:
        assert use.busy_mean == pytest.approx(4)


def test_a_look_that_took_long_does_not_move_what_the_pool_said_before() -> None:
    """At the end of the window the database is slow to tell of itself, and so the look."""
    looks = [look(99.93 + tenth / 10) for tenth in range(15)]
    late = [replace(each, at_s=each.at_s + 0.4) if each.at_s > 100.5 else each for each in looks]
    assert measures.pool_use(late, WINDOW) == measures.pool_use(looks, WINDOW)


def boarding_look(at_s: float) -> Look:
    """Of 400 requests/s that share calls, each waits 60 ms, so that 24 wait; of 100/s it is too long."""
    since_s = at_s - 90.0
    line = Boarding(
        24, round(100 * since_s), 0.060 * 400 * since_s, 24 * since_s, Histogram((round(400 * since_s), 0))
    )
    return replace(look(at_s), pool=structs.replace(reading(at_s), boarding=line))


def test_who_waits_to_share_a_call_is_counted_beside_the_pool() -> None:
    use = measures.pool_use([boarding_look(99.93 + tenth / 10) for tenth in range(15)], WINDOW)
    assert use is not None
    assert use.boarding_mean == pytest.approx(24)
    assert use.boarding_wait_mean_ms == pytest.approx(60, rel=0.05)
    assert use.waiting_mean == pytest.approx(30)
    (sample,) = measures.samples([boarding_look(100.0)], WINDOW)
    assert (sample.boarding_waiting, sample.boarding_timeouts) == (24, 1000)
    assert (sample.pool_waiting, sample.pool_timeouts) == (30, 100)


def test_who_waits_in_vain_reads_the_same_wherever_it_waited() -> None:
    use = measures.pool_use([boarding_look(99.93 + tenth / 10) for tenth in range(15)], WINDOW)
    assert use is not None
    assert use.boarding_timeouts == pytest.approx(100, abs=1)
    assert use.timed_out == pytest.approx(10 + 100, abs=2)


@pytest.mark.parametrize("missing", [range(15), range(3)], ids=["never told", "not told at first"])
def test_a_server_that_does_not_count_who_shares_calls_is_none_not_zero(missing: range) -> None:
    looks = [(look if tenth in missing else boarding_look)(99.93 + tenth / 10) for tenth in range(15)]
    use = measures.pool_use(looks, WINDOW)
    assert use is not None
    assert (use.boarding_mean, use.boarding_wait_mean_ms, use.boarding_timeouts) == (None, None, None)
    assert use.timed_out == use.timeouts


def test_boarding_is_read_where_the_server_tells_it() -> None:
    told = msgspec.json.encode(boarding_look(100.0).pool)
    assert b'"boarding":{"waitingCount":' in told
    assert decode(told) == boarding_look(100.0).pool


@pytest.mark.parametrize("until_tenth", [8, 12])
def test_counters_that_were_not_seen_to_the_end_of_the_window_make_no_rate(until_tenth: int) -> None:
    looks = [look(99.93 + tenth / 10, seen=tenth < until_tenth) for tenth in range(15)]
    use = measures.pool_use(looks, WINDOW)
    assert (use is None) == (until_tenth == 8)
    assert use is None or use.busy_mean == pytest.approx(4)


def test_a_mean_is_over_the_time_that_was_seen() -> None:
    use = measures.pool_use([look(99.93 + tenth / 10) for tenth in range(11)], WINDOW)  # until 100.93
    assert use is not None
    assert [use.busy_mean, use.waiting_mean] == pytest.approx([4, 30])


def test_cpu_that_was_not_seen_to_the_end_is_none_not_less() -> None:
    looks = [look(99.9 + tenth / 10) for tenth in range(8)]
    assert measures.machine_use(looks, WINDOW, db_rtt_measured_ms=None).server_cpu_s is None


def test_the_figures_of_a_load_in_stages_are_of_their_windows_and_not_of_what_lies_between() -> None:
    load = made_load(measured_s=1.0)
    later = structs.replace(load, started_monotonic_s=104.0)
    shares = [
        WorkerShare(worker=0, host="h", cpu_s=0, measured_s=1, producers=1, heard_at="", window=number)
        for number in (1, 2)
    ]
    stages = tuple(
        StageResult(number=number, label="", rate_msg_s=1.0, load=each)
        for number, each in ((1, load), (2, later), (3, structs.replace(load, started_monotonic_s=107.0)))
    )
    both = structs.replace(load, measured_s=2.0, workers=tuple(shares))
    trial = structs.replace(made_trial(cell=Cell(), load=both), stages=stages)
    windows = measures.windows_of(trial)
    assert windows == (Window(100.0, 101.0), Window(104.0, 105.0))
    assert measures.windows_of(structs.replace(trial, stages=())) == (Window(100.0, 102.0),)
    looks = [look(99.93 + tenth / 10) for tenth in range(60)]
    use = measures.pool_use(looks, *windows)
    assert use is not None
    assert use.acquires == pytest.approx(2 * 50, abs=2)
    assert use.busy_mean == pytest.approx(4)
    machine = measures.machine_use(looks, *windows, db_rtt_measured_ms=None)
    assert machine.server_cpu_s == pytest.approx(2 * 0.8, abs=0.01)


def test_a_pool_that_could_not_be_asked_is_none_not_zero() -> None:
    assert measures.pool_use([look(100.0), look(100.5, seen=False)], WINDOW) is None
    sample = measures.samples([look(100.5, seen=False)], WINDOW)[0]
    assert (sample.pool_total, sample.db_active, sample.wal_bytes) == (None, None, None)
    assert sample.server_rss_bytes == 40_000_000


def test_cpu_is_shared_out_and_the_rest_is_others() -> None:
    looks = [look(99.9 + tenth / 10, tree=tenth % 4 == 0) for tenth in range(13)]
    use = measures.machine_use(looks, WINDOW, db_rtt_measured_ms=2.1)
    assert use.server_cpu_s == pytest.approx(0.8, abs=0.001)
    assert use.postgres_cpu_s == pytest.approx(0.5, abs=0.05)
    assert use.sampler_cpu_s == pytest.approx(0.05, abs=0.01)
    assert use.other_cpu_s == pytest.approx(1.8 - 0.8 - 0.5 - 0.2 - 0.05, abs=0.05)
    assert (use.relay_cpu_s, use.db_rtt_measured_ms) == (None, 2.1)
    assert use.wal_bytes == pytest.approx(1e6, rel=0.01)
    assert use.postgres_rss_bytes == 90_000_000


def test_with_a_database_elsewhere_nobody_knows_what_others_use() -> None:
    use = measures.machine_use([look(99, tree=False), look(102, tree=False)], WINDOW, db_rtt_measured_ms=None)
    assert (use.postgres_cpu_s, use.other_cpu_s) == (None, None)


def test_samples_are_on_the_trial_s_clock() -> None:
    window = measures.window_of(made_load(measured_s=2.0))
    assert (window.start_s, window.end_s) == (100.0, 102.0)
    samples = measures.samples([look(99.5), look(100.25)], window)
    assert [sample.t_s for sample in samples] == [-0.5, 0.25]
    assert (samples[1].pool_waiting, samples[1].db_wait_lock, samples[1].server_loop_lag_ms) == (30, 2, 0.5)


def test_an_answer_with_more_fields_than_we_know_is_read() -> None:
    body = (
        b'{"totalCount":5,"idleCount":1,"waitingCount":2,"maxCount":5,"acquires":9,"timeouts":1,"connects":5,'
        b'"lost":0,"holdSeconds":0.5,"waitSeconds":0.25,"busySeconds":3,"waitingSeconds":1,"loopLagMs":0.5,'
        b'"holdHistogram":{"leMs":[1],"counts":[4,5]},"waitHistogram":{"leMs":[1],"counts":[9,0]},"new":1}'
    )
    assert decode(body).hold_histogram.counts == (4, 5)
