"""The locustfiles as a person uses them: headless, and in Locust's page."""

import http.client
import json
import re
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from threading import Event, Semaphore
from typing import Any

import pytest

from loadtests import results
from loadtests.load.null_server import push_answer
from loadtests.load.plan import SHAPES
from loadtests.load.wire.credentials import TOKEN_FILE_VARIABLE
from loadtests.results import Ledger, Manifest, RunFiles, Trial
from tests.load.fake_queue import FakeQueue
from tests.load.fake_server import FakeServer, Script, SeenRequest, fake_server, response
from tests.locustfiles.support import DEADLINE_S, finish, free_port, locust, until

POOL = b'{"totalCount":5,"idleCount":2,"waitingCount":7,"maxCount":8}'


def ours(queue: FakeQueue | None = None) -> Script:
    """A server that keeps what is pushed, and shows its pool."""
    kept = queue or FakeQueue()

    def script(request: SeenRequest) -> bytes:
        return response(200, POOL) if request.target == "/metrics/pool" else kept.script(request)

    return script


def not_ours(request: SeenRequest) -> bytes:
    if request.method == "POST":
        return push_answer(len(json.loads(request.body)["items"]))
    return response(404, b"Not Found")


def runs_in(directory: Path) -> list[RunFiles]:
    return [RunFiles(path.parent) for path in sorted(directory.glob("results/*/manifest.json"))]


def trial_of(run: RunFiles) -> Trial:
    (trial,) = results.read_trials(run)
    return trial


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_a_headless_run_writes_a_result_directory(shape: str, tmp_path: Path) -> None:
    options = ["--headless", "-u", "4", "-r", "4", "-t", "2s", "--warm-up", "0"]
    with (
        fake_server(ours()) as server,
        locust(shape, "--host", server.url, *options, cwd=tmp_path) as process,
    ):
        output = finish(process)
    assert process.returncode == 0, output
    (run,) = runs_in(tmp_path)
    manifest, trial = results.read(run.manifest, Manifest), trial_of(run)
    assert manifest.kind == "load"
    assert manifest.run_id == run.root.name
    assert (trial.cell.shape, trial.cell.batch, trial.cell.interval_ms) == (shape, *SHAPES[shape])
    assert (trial.cell.pool, trial.cell.clients, trial.cell.loop) == (8, 4, "open")
    assert trial.load.requests_ok > 0
    assert trial.accounting is not None
    assert trial.accounting.holds
    assert trial.accounting.complete
    assert str(run.root) in output or f"results/{run.root.name}" in output
    files = {path.name for path in run.trial(trial.trial_id).root.iterdir()}
    assert files == {"trial.json", "load.json", "ledger.json", "latency.hlog", "course.hlog"}


@pytest.mark.parametrize("client", ["raw", "fast"])
def test_the_token_of_the_file_goes_along_with_every_request_and_into_no_record(
    client: str, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret-of-the-queue\n")
    options = ["--headless", "-u", "3", "-r", "3", "-t", "2s", "--client", client, "--consumers", "0.34"]
    with (
        fake_server(ours()) as server,
        locust(
            "high",
            "--host",
            server.url,
            *options,
            cwd=tmp_path,
            environ={TOKEN_FILE_VARIABLE: str(token)},
        ) as process,
    ):
        output = finish(process)
    assert process.returncode == 0, output
    targets = {request.target.partition("?")[0] for request in server.seen}
    assert {"/api/v1/push", "/metrics/pool"} <= targets
    assert any(target.startswith("/api/v1/pop") for target in targets)
    assert {request.authorization for request in server.seen} == {"Bearer s3cret-of-the-queue"}
    (run,) = runs_in(tmp_path)
    assert not any(b"s3cret" in path.read_bytes() for path in run.root.rglob("*") if path.is_file())
    assert "s3cret" not in output


def test_a_token_file_that_is_not_there_ends_the_run_with_one_line(tmp_path: Path) -> None:
    environ = {TOKEN_FILE_VARIABLE: "/nowhere/token"}
    options = ["--headless", "--host", "http://127.0.0.1:1"]
    with locust("high", *options, cwd=tmp_path, environ=environ) as process:
        output = finish(process)
    assert process.returncode == 2
    assert "/nowhere/token" in output
    assert "Traceback" not in output


def test_against_a_server_that_is_not_ours_the_unknown_stays_unknown(tmp_path: Path) -> None:
    options = ["--headless", "-u", "2", "-r", "2", "-t", "2s", "--client", "fast", "--loop", "closed"]
    with (
        fake_server(not_ours) as server,
        locust("high", "--host", server.url, *options, cwd=tmp_path) as process,
    ):
        output = finish(process)
    assert process.returncode == 1, output
    assert "NOT EVERY MESSAGE IS ACCOUNTED FOR: not known: what is lost (0 read back" in output
    (run,) = runs_in(tmp_path)
    cell = trial_of(run).cell
    assert (cell.pool, cell.strategy, cell.connection_timeout_ms) == (None, None, None)
    assert (cell.client, cell.loop) == ("fast", "closed")
    assert "no /metrics/pool" in results.read(run.manifest, Manifest).notes[0]
    account = trial_of(run).accounting
    assert account is not None
    assert (account.lost, account.checked_to_end) == (None, False)  # it has no pops to read back by
    assert [remark.reason for remark in trial_of(run).remarks] == ["not_accounted"]


class Forgetful(FakeQueue):
    """Acknowledges every message and keeps all but one."""

    def script(self, request: SeenRequest) -> bytes:
        answer = super().script(request)
        for partitions in self.logs.values():
            for log in partitions.values():
                log[:] = [message for message in log if not message["transactionId"].endswith("-1-7")]
        return answer


def test_a_lost_message_is_exit_code_3_and_said(tmp_path: Path) -> None:
    options = ["--headless", "-u", "2", "-r", "2", "-t", "2s"]
    with (
        fake_server(ours(Forgetful())) as server,
        locust("reasonable", "--host", server.url, *options, cwd=tmp_path) as process,
    ):
        output = finish(process)
    assert process.returncode == 3, output
    assert "MESSAGES ARE NOT ACCOUNTED FOR: messages: 1 lost" in output
    (run,) = runs_in(tmp_path)
    account = trial_of(run).accounting
    assert account is not None
    assert account.lost == 1
    assert not trial_of(run).valid


def test_consumers_in_groups_with_failures_have_an_account_that_holds(tmp_path: Path) -> None:
    load = ["-u", "6", "-r", "6", "-t", "4s", "--consumers", "0.5", "--groups", "2", "--lease", "1"]
    failures = ["--nack-share", "0.1", "--retry-share", "0.05", "--slow-share", "0.02", "--think-ms", "1-10"]
    queue = FakeQueue(lease_s=1.0)
    with (
        fake_server(ours(queue)) as server,
        locust("reasonable", "--headless", "--host", server.url, *load, *failures, cwd=tmp_path) as process,
    ):
        output = finish(process)
    assert process.returncode == 0, output
    (configured,) = queue.configured
    assert configured["options"] == {"leaseTime": 1, "maxSize": 0}
    (run,) = runs_in(tmp_path)
    trial = trial_of(run)
    assert trial.accounting is not None
    assert trial.accounting.holds
    assert trial.accounting.stored == queue.stored
    for group in trial.deliveries:
        assert group.holds
        assert group.order_judged == "all"
        assert (group.delivered, group.undelivered) == (queue.stored, 0)
        assert group.nacked > 0
    assert {group.group for group in trial.deliveries} == {"load-0", "load-1"}
    assert sum(group.lapsed for group in trial.deliveries) > 0
    assert trial.load.end_to_end is not None
    assert trial.load.end_to_end.p50_ms < 10_000


@pytest.mark.parametrize(
    ("options", "environ", "named"),
    [
        (["--batch", "0"], {}, "--batch"),
        (["--consumers", "2"], {}, "--consumers"),
        (["--loop", "sideways"], {}, "--loop"),
        ([], {"BATCH_SIZE": "many"}, "--batch"),
    ],
)
def test_a_bad_option_is_refused_at_once(
    options: list[str], environ: dict[str, str], named: str, tmp_path: Path
) -> None:
    with locust(
        "high", "--headless", "--host", "http://127.0.0.1:1", *options, cwd=tmp_path, environ=environ
    ) as process:
        output = finish(process)
    assert process.returncode == 2
    assert named in output
    assert "Traceback" not in output


def test_without_a_host_a_headless_run_ends_with_a_clear_line(tmp_path: Path) -> None:
    with locust("high", "--headless", cwd=tmp_path) as process:
        output = finish(process)
    assert process.returncode != 0
    assert "--host" in output


def test_a_page_that_starts_by_itself_without_a_host_leaves_no_run_behind(tmp_path: Path) -> None:
    options = ["--autostart", "-t", "1s", "--autoquit", "0", "--web-port", str(free_port())]
    with locust("high", *options, cwd=tmp_path) as process:
        output = finish(process)
    assert process.returncode == 2, output
    assert "no run: --host: the server's address is needed" in output
    assert not list((tmp_path / "results").glob("*"))


class Page:
    """Locust's web page, as a browser's requests see it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._root = f"http://127.0.0.1:{port}"

    def get(self, path: str) -> str | None:
        try:
            with urllib.request.urlopen(self._root + path, timeout=20) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, ConnectionError):
            return None

    def json(self, path: str) -> Any:
        return json.loads(self.get(path) or "{}")

    def swarm(self, **form: str) -> str:
        """Start; what is said to it."""
        return self._post("/swarm", {"user_count": "3", "spawn_rate": "3", **form})

    def refused(self, **form: str) -> str:
        told = self._ask("/swarm", {"user_count": "3", "spawn_rate": "3", **form})
        assert told["success"] is False
        return str(told["message"])

    def stop(self) -> None:
        self._post("/stop", {})

    @contextmanager
    def stop_under_way(self) -> Iterator[None]:
        """Press stop; its answer is waited for behind the block.

        What the server is asked next it answers when it has begun with that.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=DEADLINE_S)
        with closing(connection):
            connection.request("POST", "/stop")
            assert self.get("/") is not None
            yield
            assert json.loads(connection.getresponse().read())["success"]

    def _post(self, path: str, form: dict[str, str]) -> str:
        told = self._ask(path, form)
        assert told["success"]
        return str(told["message"])

    def _ask(self, path: str, form: dict[str, str]) -> Any:
        data = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(self._root + path, data, timeout=20) as answer:
            return json.loads(answer.read())


def has_pushed(server: FakeServer, enough: int) -> bool | None:
    return True if pushes(server) >= enough else None


def pushes(server: FakeServer) -> int:
    return sum(request.method == "POST" for request in server.seen)


def replace_by_a_file(directory: Path) -> None:
    """Whatever is written there from now on fails."""
    shutil.rmtree(directory)
    directory.touch()


def test_results_that_cannot_be_written_are_said_and_end_a_headless_run_with_1(tmp_path: Path) -> None:
    options = ("--headless", "--run-time", "4s", "--warm-up", "0")
    with (
        fake_server(ours()) as server,
        locust("reasonable", "--host", server.url, *options, cwd=tmp_path) as process,
    ):
        until(partial(has_pushed, server, 3))
        (run,) = (tmp_path / "results").iterdir()
        replace_by_a_file(run)
        output = finish(process)
    assert process.returncode == 1
    (line,) = [line for line in output.splitlines() if "/ERROR/" in line]
    assert "the results of the run cannot be written" in line
    assert "Traceback" not in output


def test_results_that_cannot_be_written_are_said_on_the_page_until_the_next_run(tmp_path: Path) -> None:
    port = free_port()
    page = Page(port)
    with (
        fake_server(ours()) as server,
        locust("reasonable", "--host", server.url, "--web-port", str(port), cwd=tmp_path),
    ):
        until(lambda: page.get("/"))
        page.swarm(warm_up="0")
        until(partial(has_pushed, server, 3))
        (run,) = (tmp_path / "results").iterdir()
        replace_by_a_file(run)
        page.stop()
        shown = page.json("/queen/live")
        page.swarm(warm_up="0")
        until(lambda: True if page.json("/queen/live")["failure"] == "" else None)
        page.stop()
    assert "cannot be written" in shown["failure"]
    assert shown["runs"] == []


def test_a_run_that_pushes_in_vain_is_said_on_the_page_until_the_server_takes_messages(
    tmp_path: Path,
) -> None:
    port = free_port()
    page, answers, refuses = Page(port), ours(), Event()
    refuses.set()

    def unwilling(request: SeenRequest) -> bytes:
        if request.target.endswith("/push") and refuses.is_set():
            return response(401, b'{"error":"a token is needed","code":"unauthorized"}')
        answer = answers(request)
        assert isinstance(answer, bytes)
        return answer

    with (
        fake_server(unwilling) as server,
        locust("reasonable", "--host", server.url, "--web-port", str(port), cwd=tmp_path),
    ):
        until(lambda: page.get("/"))
        page.swarm(interval="50", warm_up="1")
        said = until(lambda: page.json("/queen/live")["alarm"] or None)
        refuses.clear()
        until(lambda: True if page.json("/queen/live")["alarm"] == "" else None)
        assert page.json("/queen/live")["account"]["acknowledged"] > 0
        page.stop()
    assert re.fullmatch(
        r"no push was acknowledged in the last \d+ s: "
        r"pushes were answered 401 unauthorized: a token is needed",
        said,
    )


def test_a_stop_reaches_a_run_that_is_just_beginning_whichever_it_is(tmp_path: Path) -> None:
    """Locust itself says of the second one that it is stopped, and begins it afterwards."""
    port = free_port()
    page, answers, configured, stopping = Page(port), ours(), list[SeenRequest](), Semaphore(0)

    def is_configured(times: int) -> bool | None:
        return True if len(configured) == times else None

    def slow(request: SeenRequest) -> bytes:
        if request.target.endswith("/configure"):
            configured.append(request)
            assert stopping.acquire(timeout=DEADLINE_S)
        answer = answers(request)
        assert isinstance(answer, bytes)
        return answer

    with (
        fake_server(slow) as server,
        locust("reasonable", "--host", server.url, "--web-port", str(port), cwd=tmp_path),
    ):
        until(lambda: page.get("/"))
        for number in (1, 2, 3):  # one that began behind its stop would be configured before the next
            page.swarm(consumers="0.34", interval="20", drain_for="0")
            until(partial(is_configured, number))
            with page.stop_under_way():
                stopping.release()
            assert page.json("/stats/requests")["state"] == "stopped"
            assert len(runs_in(tmp_path)) == number


def test_a_start_while_a_run_is_on_changes_its_users_and_is_refused_for_anything_else(tmp_path: Path) -> None:
    port = free_port()
    page = Page(port)
    form = {"batch": "2", "interval": "20", "warm_up": "0"}
    with (
        fake_server(ours()) as server,
        fake_server(ours()) as another,
        locust("reasonable", "--host", server.url, "--web-port", str(port), cwd=tmp_path),
    ):
        until(lambda: page.get("/"))
        assert page.swarm(**form) == "Swarming started"
        until(partial(has_pushed, server, 10))
        assert "not --batch: stop it first" in page.refused(batch="4")
        assert "not --host: stop it first" in page.refused(host=another.url)
        assert page.json("/queen/live")["host"] == server.url
        said = page.swarm(**form, user_count="5")
        assert said == "the run that is on goes on with 5 users instead of 3, 3 a second"
        until(lambda: True if page.json("/stats/requests")["user_count"] == 5 else None)
        page.stop()
    (run,) = runs_in(tmp_path)
    trial = trial_of(run)
    assert (trial.cell.batch, trial.load.users) == (2, 5)
    assert pushes(another) == 0


def test_each_start_in_the_page_is_a_run_of_its_own_with_the_forms_options(tmp_path: Path) -> None:
    port = free_port()
    page = Page(port)
    with (
        fake_server(ours()) as server,
        locust(
            "reasonable",
            "--host",
            server.url,
            "--web-host",
            "127.0.0.1",
            "--web-port",
            str(port),
            cwd=tmp_path,
        ),
    ):
        index = until(lambda: page.get("/"))
        assert "payload_bytes" in index  # our options stand in the form
        for batch in ("2", "4"):
            enough = pushes(server) + 10
            page.swarm(batch=batch, interval="20", warm_up="0", consumers="0.34")
            until(partial(has_pushed, server, enough))
            page.stop()
        rows = {row["name"]: row for row in page.json("/stats/requests")["stats"]}
        shown = page.json("/queen/live")
        tab = page.json("/stats/requests")["extended_stats"]
    first, second = runs_in(tmp_path)
    assert [trial_of(run).cell.batch for run in (first, second)] == [2, 4]
    ledgers = [results.read(run.trial("001").ledger, Ledger) for run in (first, second)]
    assert ledgers[0].run_tag != ledgers[1].run_tag
    assert [len(ledger.producers) for ledger in ledgers] == [2, 2]  # of three users one consumes
    assert {"push", "push (from intended start)", "pop"} <= set(rows)
    assert shown["points"][-1][2][:3] == [5, 2, 8]  # of the pool: open, idle, limit
    assert [row["directory"] for row in shown["runs"]] == [
        f"results/{run.root.name}" for run in (first, second)
    ]
    assert tab[0]["data"][0]["value"] == 5
