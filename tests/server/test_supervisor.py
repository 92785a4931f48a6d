"""Several workers on one port, as processes: who answers, who is replaced, and how they all end."""

import json
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from queen.server.supervisor import shares
from queen.settings import Settings
from tests.attempts import attempts, in_time
from tests.local.support import is_gone, wait_for
from tests.server.running import PATIENCE_S, Running, refuses_connections, running, start

TWO = {"NUM_WORKERS": "2", "LOG_LEVEL": "warn"}


def next_line(server: Running, event: str, worker_id: int) -> dict[str, object]:
    """The next log line of that event and worker; skips others."""
    while True:
        line: dict[str, object] = json.loads(server.log())
        if (line["event"], line["worker"]) == (event, worker_id):
            return line


def test_every_worker_serves_and_has_its_number() -> None:
    with running(NUM_WORKERS="3") as server:
        workers = server.workers(3)
        assert sorted(workers) == [0, 1, 2]
        assert len({server.process.pid, *workers.values()}) == 4


def test_that_it_is_ready_is_said_once_and_no_sooner_than_all_are() -> None:
    with running(**TWO) as server:
        assert len({server.connect().who()[0] for _ in range(40)}) == 2  # 2**-39 that one got them all
        server.process.terminate()
        assert [server.out() for _ in range(3)] == ["application closed", "application closed", ""]


def test_a_killed_worker_is_replaced_at_once_while_the_other_goes_on() -> None:
    for attempt in attempts():
        with attempt, running(**TWO) as server:
            kept, killed = server.connect_to(1), server.workers(2)[0]
            os.kill(killed, signal.SIGKILL)
            killed_s = time.monotonic()
            line = next_line(server, "worker_ended", 0)
            assert (line["ended_with"], line["restart_in_s"]) == ("signal SIGKILL", 0)
            assert wait_for(lambda: has_workers(server.process.pid, 2))
            took_s = time.monotonic() - killed_s  # its imports are up to the machine
            while server.workers(2)[0] == killed:
                assert kept.who()[0] == 1
            server.process.terminate()
            assert server.exit_code() == 0
            in_time(took_s, 1)


def has_workers(supervisor: int, number: int) -> bool:
    """Whether so many worker processes live."""
    children = psutil.Process(supervisor).children()
    return sum(child.status() != psutil.STATUS_ZOMBIE for child in children) == number


def test_a_client_that_comes_again_is_the_first_workers_or_anothers_while_it_is_not_there() -> None:
    with running(NUM_WORKERS="3", LOG_LEVEL="warn") as server:
        clients = [server.connect() for _ in range(30)]
        assert {client.who()[0] for client in clients} == {0, 1, 2}  # 1 in 60,000 that one got none
        assert wait_for(lambda: {client.who()[0] for client in clients} == {0})
        os.kill(clients[0].who()[1], signal.SIGKILL)
        next_line(server, "worker_ended", 0)
        clients = [server.connect() for _ in range(10)]
        assert len([client.who() for client in clients]) == 10
        assert wait_for(lambda: {client.who()[0] for client in clients} == {0})


def test_one_that_dies_again_and_again_is_replaced_later_and_later() -> None:
    with running(**TWO) as server:
        pauses_s = []
        for _ in range(3):
            os.kill(server.workers(2)[1], signal.SIGKILL)
            pauses_s.append(next_line(server, "worker_ended", 1)["restart_in_s"])
        assert pauses_s == [0, 0.25, 0.5]


def test_a_worker_that_is_asked_to_end_drains_and_is_replaced() -> None:
    with running(**TWO) as server:
        before, client = server.workers(2), server.park("/park", 1)
        os.kill(before[1], signal.SIGTERM)
        assert client.answer() == (204, b"")
        assert next_line(server, "worker_ended", 1)["ended_with"] == "exit code 0"
        assert server.workers(2)[0] == before[0]
        assert server.workers(2)[1] != before[1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_what_is_in_flight_finish_on_every_worker(number: signal.Signals) -> None:
    with running(**TWO) as server:
        clients = [server.park("/park", worker_id) for worker_id in (0, 1)]
        server.process.send_signal(number)
        assert [client.answer() for client in clients] == [(204, b""), (204, b"")]
        assert server.exit_code() == 0
        assert refuses_connections(server.port)


def test_a_signal_to_the_whole_group_is_no_second_signal() -> None:
    with running(NUM_WORKERS="2") as server:
        client = server.park("/stuck")
        server.signal_group(signal.SIGINT)
        assert next_line(server, "stopping", 0)["in_flight"] == 1
        assert client.silent_for(0.3)
        assert server.process.poll() is None
        server.process.terminate()
        assert client.closed()
        assert server.exit_code() == 1


def test_a_signal_to_the_whole_group_while_workers_start_is_kept_for_them() -> None:
    with start(**TWO) as process:
        assert wait_for(lambda: has_workers(process.pid, 2))  # whose interpreters have just begun
        os.killpg(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, stderr) == (0, "")


def test_a_second_signal_cuts_off_what_still_runs() -> None:
    with running(NUM_WORKERS="2") as server:
        client = server.park("/stuck", 1)
        server.process.terminate()
        assert next_line(server, "stopping", 1)["in_flight"] == 1
        server.process.terminate()
        assert client.closed()
        assert server.exit_code() == 1


def test_the_grace_ends() -> None:
    with running(SHUTDOWN_GRACE="100", **TWO) as server:
        client = server.park("/stuck", 1)
        server.process.terminate()
        assert client.closed()
        assert server.exit_code() == 1


def test_a_worker_that_hangs_is_killed_in_the_end() -> None:
    with running(SHUTDOWN_GRACE="0", **TWO) as server:
        server.park("/hang", 1)
        server.process.terminate()
        assert server.exit_code() == 1


def test_workers_whose_supervisor_was_killed_answer_what_they_have_and_end() -> None:
    with running(**TWO) as server:
        workers = server.workers(2)
        directory = socket_directory(workers[0])
        client = server.park("/park", 1)
        server.process.kill()
        assert client.answer() == (204, b"")
        assert wait_for(lambda: all(map(is_gone, workers.values())))
        assert not directory.exists()


def socket_directory(pid: int) -> Path:
    """The directory that is the last word of a worker's command line (proc(5))."""
    return Path(Path(f"/proc/{pid}/cmdline").read_text().split("\0")[-2])


def test_the_workers_sockets_are_for_nobody_else_and_do_not_stay() -> None:
    with running(**TWO) as server:
        directory = socket_directory(server.workers(2)[0])
        assert directory.stat().st_mode & 0o777 == 0o700
        server.process.terminate()
        assert server.exit_code() == 0
        assert not directory.exists()


@pytest.mark.parametrize(
    ("how", "line"),
    [
        ("nowhere", "no database at PG_HOST=nowhere"),
        ("crash", "worker 0 ended with exit code 3 before it was ready"),
    ],
)
def test_a_first_start_that_fails_is_one_line(how: str, line: str) -> None:
    with start(PG_HOST=how, NUM_WORKERS="3") as process:
        stdout, stderr = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, stdout, stderr) == (1, "", f"{line}\n")


def test_the_port_of_another_instance_is_taken() -> None:
    with running(**TWO) as server, start(PORT=str(server.port), NUM_WORKERS="2") as process:
        _, stderr = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 1
        assert stderr.startswith(f"PORT={server.port}: address already in use on 127.0.0.1; ")
        assert stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("total", "workers", "each"), [(20, 4, [5, 5, 5, 5]), (5, 3, [2, 2, 1]), (3, 3, [1, 1, 1])]
)
def test_the_pool_is_divided_and_nothing_lost(total: int, workers: int, each: list[int]) -> None:
    divided = shares(Settings(db_pool_size=total, num_workers=workers))
    assert [share.db_pool_size for share in divided] == each
    assert {share.num_workers for share in divided} == {1}
