"""A rate of time-outs is one only where the window began when they could strike."""

from msgspec.structs import replace

from loadtests.results import Cell, ErrorCount, Trial
from reports import titles, wording
from reports.dataset import too_early, trials_frame
from reports.findings import timeouts
from reports.runs import Run
from tests.sweep.made import made_load, made_trial

STARVED = Cell(strategy="sequential", pool=1, connection_timeout_ms=2000, db_rtt_ms=2.0, clients=128)


def trial(
    *, refused: int, sent: int, warmup_s: float, measured_s: float, cell: Cell = STARVED, users: int = 128
) -> Trial:
    error = ErrorCount(status=503, code="pool_timeout", text="timeout exceeded", requests=refused)
    load = made_load(sent=sent, measured_s=measured_s, errors=(error,) if refused else ())
    return made_trial(cell=cell, load=replace(load, warmup_s=warmup_s, users=users))


def sentence(seen: Trial) -> str:
    found = timeouts.count([Run("r", (seen,))])
    (text,) = wording._timeouts(found)
    return text


def test_a_window_that_is_over_before_the_time_out_gives_no_rate() -> None:
    """The quick experiment's cell as it once was: 128 callers wait 4 s each, and 2 of 159 were refused."""
    seen = trial(refused=2, sent=40, warmup_s=0.7, measured_s=1.2)
    assert "2 of 40 requests, but the window ended before the time-out could strike" in sentence(seen)
    assert "a second" not in sentence(seen)


def test_a_window_that_began_before_gives_none_either() -> None:
    seen = trial(refused=308, sent=700, warmup_s=0.7, measured_s=14.0)
    assert "the window began before the time-out could strike" in sentence(seen)


def test_time_outs_that_are_due_are_told_before_one_was_seen() -> None:
    assert "refused 0 of 40 requests" in sentence(trial(refused=0, sent=40, warmup_s=0.7, measured_s=1.2))


def test_a_window_behind_the_time_out_gives_a_rate() -> None:
    seen = trial(refused=81, sent=176, warmup_s=2.7, measured_s=3.0)
    assert sentence(seen).startswith("Pool 1 gives 27 time-outs a second, 81 of 176 requests")
    assert trials_frame([Run("r", (seen,))])["timeouts_s"].tolist() == [27.0]


def test_callers_who_are_served_in_time_have_nothing_due() -> None:
    served = trial(refused=0, sent=1000, warmup_s=0.7, measured_s=1.2)  # 128 callers wait 0.15 s each
    assert too_early(served) is None
    assert timeouts.count([Run("r", (served,))]) == ()


def test_an_open_loop_has_a_rule_of_its_own() -> None:
    offered = replace(STARVED, loop="open", rate_msg_s=1000.0)
    assert too_early(trial(refused=2, sent=40, warmup_s=0.7, measured_s=1.2, cell=offered)) is None


def test_what_was_too_early_is_in_no_chart_and_the_title_says_so() -> None:
    early = trial(refused=2, sent=40, warmup_s=0.7, measured_s=1.2)
    wide = replace(made_trial(cell=replace(STARVED, pool=20)), trial_id="wide")
    run = Run("r", (early, wide))
    assert trials_frame([run])["timeouts_s"].isna().tolist() == [True, False]
    title = titles.timeouts(timeouts.count([run]))
    assert title == "No time-out was seen at any pool size; too early to tell: pool 1"
