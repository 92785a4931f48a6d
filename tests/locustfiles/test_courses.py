"""Loads that change, and what a server does to them: whole Locust processes against servers of the test."""

import json
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from loadtests import results
from loadtests.load.null_server import push_answer
from loadtests.results import Ledger, LoadResult, Manifest, RunFiles
from tests.attempts import TooLate, attempts, in_time
from tests.load.fake_server import SeenRequest, fake_server, response
from tests.locustfiles.support import finish, free_port, locust, until
from tests.locustfiles.test_web_mode import Page, ours, runs_in, trial_of

STALL_S = 2.0
UNREAD = ["--drain-for", "0"]  # of a server that keeps nothing


def answer(request: SeenRequest) -> bytes:
    return push_answer(len(json.loads(request.body)["items"])) if request.method == "POST" else response(404)


class Stalling:
    """A server that takes 5 ms for a push, but is not heard of for `STALL_S` ten seconds after the first.

    `stalled` pushes came meanwhile.
    """

    def __init__(self) -> None:
        self.stalled = 0
        self._first_s: float | None = None
        self._lock = threading.Lock()

    def __call__(self, request: SeenRequest) -> bytes:
        now = time.monotonic()
        with self._lock:
            self._first_s = self._first_s or now
            stall_s = self._first_s + 10.0
            stalls = stall_s <= now < stall_s + STALL_S
            self.stalled += stalls
        time.sleep(stall_s + STALL_S - now if stalls else 0.005)
        return answer(request)


class OneAtATime:
    """A server that carries one push in 10 ms, so 100 pushes a second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __call__(self, request: SeenRequest) -> bytes:
        with self._lock:
            time.sleep(0.01)
        return answer(request)


class Busy:
    """Refuses the first push for a second; `seen_s` are the times at which pushes came."""

    def __init__(self) -> None:
        self.seen_s: list[float] = []

    def __call__(self, request: SeenRequest) -> bytes:
        if request.method != "POST":
            return response(404)
        self.seen_s.append(time.monotonic())
        if len(self.seen_s) > 1:
            return answer(request)
        return response(429, b'{"error":"queue is full","code":"queue_full"}', "Retry-After: 1")


def is_over(page: Page, directory: Path, runs: int) -> bool | None:
    """Whether so many runs are written, checked and none goes on."""
    rows = [row for row in page.json("/queen/live")["runs"] if not row["stage"]]
    written = len(runs_in(directory)) == len(rows) == runs
    return True if written and page.json("/stats/requests")["state"] == "stopped" else None


def load_of(directory: Path) -> LoadResult:
    (run,) = runs_in(directory)
    return trial_of(run).load


def ledger_of(run: RunFiles) -> Ledger:
    return results.read(run.trial("001").ledger, Ledger)


@pytest.mark.timeout(150)
def test_a_stall_of_two_seconds_shows_in_the_open_loop_and_hides_from_the_closed_one(tmp_path: Path) -> None:
    """Four producers push for 30 s, in both loops at once, each against a server of its own.

    The closed loop has 4 slow pushes among thousands; of the open loop's, those of 2 s in 30 s are slow.
    """
    options = ["--headless", "-u", "4", "-r", "4", "-t", "31s", "--batch", "1", "--payload-bytes", "20"]
    options += UNREAD
    directories = [tmp_path / "open", tmp_path / "closed"]
    for directory in directories:
        directory.mkdir()
    for_open, for_closed = Stalling(), Stalling()
    with fake_server(for_open) as first, fake_server(for_closed) as second:
        opened = locust("high", *options, "--host", first.url, "--interval", "100", cwd=directories[0])
        closed = locust("high", *options, "--host", second.url, "--loop", "closed", cwd=directories[1])
        with opened as one, closed as other:
            outputs = [finish(process, 100.0) for process in (one, other)]
            assert [one.returncode, other.returncode] == [0, 0], outputs
    open_load, closed_load = (load_of(directory) for directory in directories)
    assert open_load.response is not None and closed_load.response is not None
    assert open_load.response.p99_ms > 1000
    due_meanwhile = 4 * STALL_S / 0.1
    assert for_open.stalled >= 0.7 * due_meanwhile  # they went out without an answer
    assert open_load.requests_missed <= 4  # one each may be due at the end
    assert closed_load.response.p99_ms < 200
    assert closed_load.response.max_ms > 1000  # it was there
    assert for_closed.stalled == 4


@pytest.mark.timeout(150)
@pytest.mark.parametrize("client", ["raw", "fast"])
def test_no_push_comes_before_retry_after_and_what_was_due_is_held_not_missed(
    tmp_path: Path, client: str
) -> None:
    options = ["--headless", "-u", "1", "-r", "1", "-t", "3s", "--warm-up", "0", "--client", client]
    options += [
        "--only-summary",
        *UNREAD,
        "--exit-code-on-error",
        "0",
    ]  # Locust calls a refusal an error of the run
    for attempt in attempts():
        busy, directory = Busy(), tmp_path / str(attempt.number)
        directory.mkdir()
        with attempt:
            with (
                fake_server(busy) as server,
                locust("high", "--host", server.url, "--interval", "200", *options, cwd=directory) as process,
            ):
                output = finish(process)
            assert process.returncode == 0, output
            load = load_of(directory)
            assert load.schedule_lag is not None
            in_time(load.schedule_lag.max_ms / 1000, 0.2)  # or two pushes are due before the first answer
            assert busy.seen_s[1] - busy.seen_s[0] >= 1.0
            assert load.requests_held >= 4  # of 5 in a second
            assert load.requests_missed == 0
            assert load.requests_not_done == load.retry_pauses == 1
            assert load.held is not None
            assert load.held.max_ms == pytest.approx(1000, abs=1)
    rows = [line for line in output.splitlines() if "held back" in line or "schedule lag" in line]
    assert len(rows) == 4  # in the table and in that of the percentiles
    aggregated = next(line for line in output.splitlines() if line.split()[:1] == ["Aggregated"])
    pushes = load.requests_ok + load.requests_not_done
    assert abs(int(aggregated.split()[1]) - pushes) <= 2  # one clock, no holds, no lags: only pushes


def test_a_ramp_has_figures_for_each_step_and_ends_by_itself(tmp_path: Path) -> None:
    options = ["--headless", "-u", "4", "-r", "4", "--warm-up", "0.2", "--steps", "3", "--step-time", "1"]
    rates = ["--from-rate", "200", "--to-rate", "1000"]
    with (
        fake_server(ours()) as server,
        locust("ramp", "--host", server.url, *options, *rates, cwd=tmp_path) as process,
    ):
        output = finish(process)
    assert process.returncode == 0, output
    (run,) = runs_in(tmp_path)
    trial = trial_of(run)
    assert [stage.rate_msg_s for stage in trial.stages] == [200.0, 600.0, 1000.0]
    acknowledged = [stage.load.messages_acknowledged for stage in trial.stages]
    assert acknowledged == sorted(acknowledged)
    assert acknowledged[-1] > 2 * acknowledged[0]
    assert trial.load.messages_acknowledged == sum(acknowledged)
    assert trial.load.measured_s == pytest.approx(sum(stage.load.measured_s for stage in trial.stages))
    assert (trial.cell.shape, trial.cell.rate_msg_s) == ("ramp", None)
    pushes = [json.loads(request.body) for request in server.seen if request.method == "POST"]
    stored = {item["transactionId"] for push in pushes for item in push["items"]}
    ledger = ledger_of(run)
    issued = {
        results.transaction_id(ledger.run_tag, producer.producer, sequence)
        for producer in ledger.producers
        for first, last in producer.acknowledged
        for sequence in range(first, last + 1)
    }
    assert stored == issued  # of what came between the windows, too


def test_a_ramp_that_is_cut_short_says_how_far_it_came(tmp_path: Path) -> None:
    options = ["--headless", "-u", "2", "-r", "2", "--warm-up", "0.2", "-t", "5s", "--step-time", "2.5"]
    with (
        fake_server(ours()) as server,
        locust("ramp", "--host", server.url, *options, cwd=tmp_path) as process,
    ):
        output = finish(process)
    assert process.returncode == 0, output
    (run,) = runs_in(tmp_path)
    first, second = trial_of(run).stages
    assert (first.verdict, second.verdict) == ("", "cut short")
    assert trial_of(run).load.measured_s == first.load.measured_s
    assert results.read(run.manifest, Manifest).answer == "1 of 10 stages were measured to their end"


@pytest.mark.timeout(400)
def test_the_saturation_search_finds_what_a_server_carries(tmp_path: Path) -> None:
    options = ["--headless", "-u", "4", "-r", "4", "--warm-up", "0.5", "--step-time", "2", "--batch", "10"]
    # An objective that other programs on the machine seldom decide on; where they do, too little is found.
    search = ["--from-rate", "400", "--precision", "0.2", "--payload-bytes", "20", "--p99-ms", "200", *UNREAD]
    for attempt in attempts(3, made_good_by=1):  # a search takes half a minute
        directory = tmp_path / str(attempt.number)
        directory.mkdir()
        with attempt:
            with (
                fake_server(OneAtATime()) as server,
                locust("saturation", "--host", server.url, *options, *search, cwd=directory) as process,
            ):
                output = finish(process, 120.0)
            assert process.returncode == 0, output
            (run,) = runs_in(directory)
            trial = trial_of(run)
            assert trial.cell.rate_msg_s is not None
            assert trial.cell.rate_msg_s <= 1150  # 100 pushes of 10 in a second; what is over that piles up
            if trial.cell.rate_msg_s < 400:
                raise TooLate(f"somebody was held up: no more than {trial.cell.rate_msg_s} msg/s were found")
    assert trial.load.response is not None
    assert trial.load.response.p99_ms <= 201  # the resolution is three digits
    verdicts = [stage.verdict for stage in trial.stages]
    assert any(verdict.startswith("not met") for verdict in verdicts)
    assert verdicts[-1].startswith("met")
    assert "highest rate that meets p99 ≤ 200 ms" in results.read(run.manifest, Manifest).answer


def test_in_the_page_a_course_that_is_over_stops_and_can_be_started_again(tmp_path: Path) -> None:
    port = free_port()
    page = Page(port)
    options = ["--web-host", "127.0.0.1", "--web-port", str(port), "--warm-up", "0"]
    with (
        fake_server(ours()) as server,
        locust("spike", "--host", server.url, *options, cwd=tmp_path),
    ):
        index = until(lambda: page.get("/"))
        assert "peak_rate" in index
        for number in (1, 2):
            page.swarm(base_rate="100", peak_rate="1000", base_time="0.3", peak_time="0.3")
            until(partial(is_over, page, tmp_path, number))
    for run in runs_in(tmp_path):
        base, peak, after = trial_of(run).stages
        assert (base.label, peak.label, after.label) == ("base", "peak", "after the peak")
        assert peak.load.messages_acknowledged > base.load.messages_acknowledged
