"""What is said of the last seconds of a run, second by second on a clock of the test's own."""

import pytest
from msgspec.structs import replace

from loadtests.load.measuring.figures import latency, measured_s
from loadtests.load.measuring.histogram import HistogramCounts
from loadtests.load.measuring.lately import LATELY_S, Lately
from loadtests.load.measuring.part import NOTHING, Counts, Part
from loadtests.results import ErrorCount, WorkerShare

UNAUTHORIZED = (401, "unauthorized", "a bearer token is needed")
BUSY = (503, "pool_timeout", "timeout exceeded when trying to connect")
GONE = (0, "not_sent", "Connection refused")


class Run:
    """A run that tells once a second; what `tell` is given comes to what it had told of the window."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.lately = Lately(lambda: self.now_s)
        self.open_window(0)

    def open_window(self, number: int) -> None:
        self.total = Part(run_tag="t", window=number, started_at="x", started_monotonic_s=0.0, warmup_s=0.0)
        self._errors: dict[tuple[int, str, str], int] = {}
        self._began_s = self.now_s
        self._cpu_s = 0.0

    def tell(
        self,
        *,
        ok: int = 0,
        failed: dict[tuple[int, str, str], int] | None = None,
        held: int = 0,
        missed: int = 0,
        in_flight: int = 0,
        cpu_s: float = 0.1,
        lag: HistogramCounts = NOTHING,
    ) -> None:
        """A second goes by."""
        self.now_s += 1.0
        self._cpu_s += cpu_s
        for kind, requests in (failed or {}).items():
            self._errors[kind] = self._errors.get(kind, 0) + requests
        grown = Counts(
            ok=ok,
            acknowledged=10 * ok,
            not_done=sum((failed or {}).values()),
            held=held,
            missed=missed,
        )
        share = WorkerShare(
            worker=0,
            host="h",
            cpu_s=self._cpu_s,
            measured_s=self.now_s - self._began_s,
            producers=1,
            heard_at="x",
            window=self.total.window,
            unanswered=in_flight,
        )
        self.total = replace(
            self.total,
            counts=replace(self.total.counts + grown, pending=in_flight),
            errors=tuple(
                ErrorCount(status=status, code=code, text=text, requests=requests)
                for (status, code, text), requests in self._errors.items()
            ),
            workers=(share,),
            lag=lag if lag.buckets else self.total.lag,
        )
        self.lately.tell(self.total)

    @property
    def in_vain(self) -> str:
        return self.lately.in_vain()


@pytest.fixture
def run() -> Run:
    return Run()


def test_a_run_that_goes_well_is_not_in_vain_and_neither_is_one_that_has_just_begun(run: Run) -> None:
    assert run.in_vain == ""
    for _ in range(4):
        run.tell(failed={GONE: 3})
        assert run.in_vain == ""
    for _ in range(30):
        run.tell(ok=5, failed={BUSY: 5000})
        assert run.in_vain == ""


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (UNAUTHORIZED, "pushes were answered 401 unauthorized: a bearer token is needed"),
        (BUSY, "pushes were answered 503 pool timeout: timeout exceeded when trying to connect"),
        ((404, "http_404", "Not Found"), "pushes were answered 404: Not Found"),
        ((404, "http_404", ""), "pushes were answered 404"),
        (GONE, "not sent: Connection refused"),
    ],
)
def test_a_server_that_refuses_everything_is_named_with_its_reason(
    run: Run, kind: tuple[int, str, str], why: str
) -> None:
    for _ in range(5):
        run.tell(failed={kind: 40})
    assert run.in_vain == f"no push was acknowledged in the last 5 s: {why}"
    for _ in range(30):
        run.tell(failed={kind: 40})
    assert run.in_vain == f"no push was acknowledged in the last 10 s: {why}"


def test_it_begins_when_the_last_acknowledgement_is_long_enough_ago_and_ends_with_the_next(run: Run) -> None:
    for _ in range(60):
        run.tell(ok=100)
    said = []
    for _ in range(7):
        run.tell(failed={GONE: 40})
        said.append(bool(run.in_vain))
    assert said == [False] * 4 + [True] * 3
    run.tell(ok=1, failed={GONE: 40})
    assert run.in_vain == ""


def test_what_failed_before_the_last_acknowledgement_is_no_reason(run: Run) -> None:
    """The next push is due in a minute."""
    run.tell(failed={BUSY: 1})
    run.tell(ok=1)
    for _ in range(9):
        run.tell()
        assert run.in_vain == ""


def test_pushes_that_nobody_answers_are_no_acknowledged_ones(run: Run) -> None:
    for _ in range(3):
        run.tell(ok=100, in_flight=2)
    for second in range(6):
        run.tell(in_flight=8 + second)
    assert run.in_vain == (
        "no push was acknowledged in the last 6 s: none of the 13 that are under way was answered"
    )


def test_a_push_now_and_then_that_is_under_way_at_the_moment_is_not_stuck(run: Run) -> None:
    run.tell(ok=1)
    for _ in range(8):
        run.tell()
    run.tell(in_flight=1)
    assert run.in_vain == ""


def test_a_server_that_asks_for_pauses_and_takes_nothing_in_between(run: Run) -> None:
    run.tell(ok=1)
    for second in range(8):
        run.tell(failed={(429, "queue_full", "the queue is full"): 1} if second % 5 == 0 else {}, held=20)
    assert run.in_vain == (
        "no push was acknowledged in the last 8 s: pushes were answered 429 queue full: the queue is full; "
        "what falls due is not sent, as the server asks for a pause (Retry-After)"
    )


def test_of_many_kinds_of_failures_the_most_frequent_are_named(run: Run) -> None:
    kinds = {UNAUTHORIZED: 9, BUSY: 50, GONE: 2, (500, "http_500", "oops"): 1}
    for _ in range(5):
        run.tell(failed=kinds)
    _, *named = run.in_vain.split("; ")
    assert named == [
        "pushes were answered 401 unauthorized: a bearer token is needed",
        "2 more kinds of failures",
    ]
    assert "503 pool timeout" in run.in_vain


def test_a_new_window_changes_nothing_of_what_is_said(run: Run) -> None:
    for _ in range(10):
        run.tell(failed={GONE: 40})
    for number in (1, 2, 3):
        run.open_window(number)
        for _ in range(2):
            run.tell(failed={GONE: 40})
            assert "last 10 s: not sent: Connection refused" in run.in_vain
    run.open_window(4)
    run.tell(ok=1)
    assert run.in_vain == ""
    run.open_window(5)
    run.tell(failed={GONE: 1})
    assert run.in_vain == "", "a second ago one was acknowledged"


def test_where_nothing_is_told_any_more_nothing_is_said(run: Run) -> None:
    for _ in range(6):
        run.tell(failed={GONE: 40})
    assert run.in_vain
    run.now_s += LATELY_S
    assert run.in_vain == ""
    assert run.lately.growth() is None


def test_between_two_windows_what_is_under_way_is_not_in_vain(run: Run) -> None:
    for _ in range(6):
        run.tell(ok=10, in_flight=2)
    said = []
    for _ in range(12):  # the window is closed: acknowledgements are counted no more
        run.now_s += 1.0
        run.lately.tell(run.total)
        said.append(run.in_vain)
    run.open_window(run.total.window + 1)
    for _ in range(3):
        run.tell(in_flight=2)
        said.append(run.in_vain)
    assert set(said) == {""}
    for _ in range(3):
        run.tell(in_flight=2)
    assert run.in_vain


def test_another_run_begins_with_nothing(run: Run) -> None:
    for _ in range(6):
        run.tell(failed={GONE: 40})
    run.lately.clear()
    assert run.in_vain == ""
    run.open_window(0)
    run.tell(failed={GONE: 40})
    assert run.in_vain == ""


def test_growth_is_that_of_the_last_seconds_alone(run: Run) -> None:
    early = HistogramCounts(50_000, 0.05, ((50_000, 1),))
    both = HistogramCounts(50_000 + 2_000, 0.05, ((1000, 2), (50_000, 1)))
    for _ in range(60):
        run.tell(ok=100, missed=10, cpu_s=1.0, lag=early)
    for _ in range(5):
        run.tell(ok=20, failed={BUSY: 2}, cpu_s=0.2, lag=both)
    growth = run.lately.growth()
    assert growth is not None
    assert (growth.counts.ok, growth.counts.not_done, growth.counts.missed) == (100, 10, 0)
    assert [error.requests for error in growth.errors] == [10]
    (share,) = growth.workers
    assert [measured_s(growth), share.cpu_s] == pytest.approx([5.0, 1.0])
    lag = latency(growth.lag)
    assert lag is not None
    assert lag.count == 2
    assert lag.p99_ms == pytest.approx(1.0, rel=0.01)


def test_growth_goes_across_windows_and_back_to_the_beginning_of_a_run(run: Run) -> None:
    for _ in range(2):
        run.tell(ok=100)
    run.open_window(1)
    run.tell(ok=7)
    growth = run.lately.growth()
    assert growth is not None
    assert growth.counts.ok == 207
    assert measured_s(growth) == pytest.approx(3.0)


def test_a_worker_that_comes_in_between_counts_from_its_beginning(run: Run) -> None:
    for _ in range(3):
        run.tell(ok=1, cpu_s=0.5)
    (share,) = run.total.workers
    run.lately.tell(replace(run.total, workers=(share, replace(share, worker=1, cpu_s=0.25, measured_s=1.0))))
    growth = run.lately.growth()
    assert growth is not None
    assert [(each.worker, each.cpu_s) for each in growth.workers] == [(0, 1.5), (1, 0.25)]
