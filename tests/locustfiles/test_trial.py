"""One trial as a sweep runs it, against servers that answer as they are told."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from loadtests import results
from loadtests.load.null_server import push_answer
from loadtests.load.plan import PLAN_VARIABLE, LoadPlan
from loadtests.results import Ledger, LoadResult, TrialFiles
from tests.attempts import attempts, in_time
from tests.load.fake_server import FakeServer, SeenRequest, fake_server, response
from tests.locustfiles.support import finish, locust, until


def queued(request: SeenRequest) -> bytes:
    return push_answer(len(json.loads(request.body)["items"]))


def pool_timeout(request: SeenRequest) -> bytes:
    body = b'{"error":"timeout exceeded when trying to connect","code":"pool_timeout"}'
    return response(503, body, "Retry-After: 1")


class Trial:
    """A plan, carried out by a Locust process; then its files."""

    def __init__(self, directory: Path) -> None:
        self.plan_path = directory / "plan.json"
        self.files = TrialFiles(directory / "trial")
        self.directory = directory

    def write_plan(self, host: str, **changes: Any) -> None:
        given: dict[str, Any] = {
            "host": host,
            "trial_directory": str(self.files.root),
            "run_tag": "t1",
            "users": 4,
            "batch": 5,
            "partitions": 2,
            "warmup_s": 0.1,
            "measure_s": 0.5,
            "drain_s": 3.0,
        }
        content = msgspec.json.encode(LoadPlan(**(given | changes)))
        temporary = self.plan_path.with_suffix(".tmp")
        temporary.write_bytes(content)
        temporary.rename(self.plan_path)

    def run(self, host: str, **changes: Any) -> tuple[int, str]:
        """Exit code and output."""
        self.write_plan(host, **changes)
        with locust("trial", "--headless", cwd=self.directory, environ=self.environ) as process:
            output = finish(process)
        return process.returncode, output

    @property
    def environ(self) -> dict[str, str]:
        return {PLAN_VARIABLE: str(self.plan_path)}

    @property
    def load(self) -> LoadResult:
        return results.read(self.files.load, LoadResult)

    @property
    def ledger(self) -> Ledger:
        return results.read(self.files.ledger, Ledger)


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path)


def pushed_ids(server: FakeServer) -> list[str]:
    return [item["transactionId"] for push in server.seen for item in json.loads(push.body)["items"]]


def ids_of(ledger: Ledger, which: Callable[[Any], tuple[tuple[int, int], ...]]) -> set[str]:
    return {
        results.transaction_id(ledger.run_tag, producer.producer, sequence)
        for producer in ledger.producers
        for first, last in which(producer)
        for sequence in range(first, last + 1)
    }


@pytest.mark.timeout(150)
@pytest.mark.parametrize("client", ["raw", "fast"])
@pytest.mark.parametrize("shape", [{"loop": "closed"}, {"loop": "open", "rate_msg_s": 400.0}])
def test_every_message_that_reached_the_server_is_in_the_ledger(
    tmp_path: Path, client: str, shape: dict[str, Any]
) -> None:
    for attempt in attempts():
        directory = tmp_path / str(attempt.number)
        directory.mkdir()
        with attempt:
            load = complete_ledger(Trial(directory), client, shape)
            assert load.measured_s >= 0.5
            in_time(load.measured_s, 0.8)


def complete_ledger(trial: Trial, client: str, shape: dict[str, Any]) -> LoadResult:
    """A trial whose ledger has all that its server was pushed."""
    with fake_server(queued) as server:
        code, output = trial.run(server.url, client=client, **shape)
        ids = pushed_ids(server)
    assert code == 0, output
    assert len(ids) == len(set(ids))
    assert ids_of(trial.ledger, lambda producer: producer.acknowledged) == set(ids)
    load = trial.load
    assert load.total_messages_acknowledged == len(ids)
    assert load.requests_ok == load.requests_sent > 0
    assert load.users == 4
    assert load.warmup_s >= 0.1
    assert {producer.partition for producer in trial.ledger.producers} == {"p0", "p1"}
    assert all(len(producer.acknowledged) == 1 for producer in trial.ledger.producers)
    assert trial.files.latency.exists()
    return load


def test_an_open_loop_sends_what_was_asked(trial: Trial) -> None:
    with fake_server(queued) as server:
        code, output = trial.run(server.url, loop="open", rate_msg_s=500.0, measure_s=1.0)
    assert code == 0, output
    load = trial.load
    assert load.requests_sent == pytest.approx(100 * load.measured_s, abs=4)
    assert load.requests_missed == 0
    assert load.schedule_lag is not None
    assert load.response is not None
    assert load.service is not None
    assert load.response.p99_ms >= load.service.p50_ms


def test_the_guides_error_is_counted_word_for_word_and_the_exit_code_stays_0(trial: Trial) -> None:
    with fake_server(pool_timeout) as server:
        code, output = trial.run(server.url, measure_s=1.5)  # the pauses take a second each
        ids = pushed_ids(server)
    assert code == 0, output
    load = trial.load
    assert load.requests_not_done == load.requests_sent
    assert load.retry_pauses > 0
    assert load.messages_acknowledged == 0
    assert all(error.text == "timeout exceeded when trying to connect" for error in load.errors)
    assert ids_of(trial.ledger, lambda producer: producer.refused) == set(ids)


def test_an_answer_that_never_comes_is_cut_off_after_the_drain_and_is_unknown(trial: Trial) -> None:
    end = threading.Event()

    def never(_: SeenRequest) -> None:
        end.wait(30)

    with fake_server(never) as server:
        code, output = trial.run(server.url, drain_s=0.2)
        ids = pushed_ids(server)
        end.set()
    assert code == 0, output
    assert ids_of(trial.ledger, lambda producer: producer.unknown) == set(ids)
    assert trial.load.total_messages_unknown == len(ids) == 20


def test_a_process_that_was_started_early_waits_for_its_plan(trial: Trial) -> None:
    with (
        fake_server(queued) as server,
        locust("trial", "--headless", "-L", "INFO", cwd=trial.directory, environ=trial.environ) as process,
    ):
        output = process.stdout
        assert output is not None
        until(lambda: True if "Starting Locust" in output.readline() else None)
        trial.write_plan(server.url)
        finish(process)
    assert process.returncode == 0
    assert trial.load.requests_ok > 0


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"{}", "host"),
        (b'{"host":"http://x","trial_directory":"x","run_tag":"t","users":0}', "users"),
        (b'{"host":"https://x","trial_directory":"x","run_tag":"t"}', "https://x"),
        (b"not json", "plan.json"),
    ],
)
def test_a_bad_plan_is_one_line_and_exit_code_2(trial: Trial, content: bytes, named: str) -> None:
    trial.plan_path.write_bytes(content)
    with locust("trial", "--headless", "-L", "ERROR", cwd=trial.directory, environ=trial.environ) as process:
        output = finish(process)
    assert process.returncode == 2
    assert named in output
    assert "Traceback" not in output
