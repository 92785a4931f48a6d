import time

import gevent
import pytest
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.exception import StopUser

from loadtests.load.measuring.locust_stats import PUSH
from loadtests.load.plan import LoadPlan
from loadtests.load.run import LoadRun, set_current_run
from loadtests.load.users import FastSender, QueueUser, StampedBody
from tests.attempts import attempts, in_time
from tests.load.fake_server import SeenRequest, fake_server, response

QUEUED = b'[{"status":"queued"}]'
ANSWER_S = 0.3
BUSY = b'{"error":"busy","code":"overloaded"}'


def test_locusts_own_latencies_are_those_of_acknowledged_pushes_also_over_its_fast_client() -> None:
    def one_then_busy(request: SeenRequest) -> bytes:
        return response(503, BUSY) if request.number else response(201, QUEUED)

    environment = Environment()
    runner = environment.create_local_runner()
    with fake_server(one_then_busy) as server:
        client = FastHttpSession(base_url=server.url, request_event=environment.events.request, user=None)
        sender = FastSender(client, {})
        outcomes = [sender.push(b"{}", 1).outcome for _ in range(3)]
        client.client.close()
    runner.quit()
    assert [outcome.acknowledged for outcome in outcomes] == [True, False, False]
    shown = environment.stats.get(PUSH, "POST")
    assert (shown.num_requests, shown.num_failures, sum(shown.response_times.values())) == (3, 2, 1)


def test_the_service_time_of_the_fast_client_is_from_the_socket_write_also_in_locusts_own_row() -> None:
    """One connection for two pushes at once: the second waits for it, and that is no service."""

    def slow(_: SeenRequest) -> bytes:
        time.sleep(ANSWER_S)
        return response(201, QUEUED)

    for attempt in attempts():
        with attempt:
            environment = Environment()
            runner = environment.create_local_runner()
            with fake_server(slow) as server:
                client = FastHttpSession(
                    base_url=server.url, request_event=environment.events.request, user=None, concurrency=1
                )
                sender = FastSender(client, {})
                pushes = [gevent.spawn(sender.push, b"{}", 1) for _ in range(2)]
                gevent.joinall(pushes, timeout=10, raise_error=True)
                client.client.close()
            runner.quit()
            first, second = (push.get() for push in pushes)
            in_time(second.begun_at - first.begun_at, 0.2 * ANSWER_S)  # they are there at once
            assert second.sent_at - second.begun_at > 0.8 * ANSWER_S
            assert second.sent_at >= first.done_at
            in_time(max(each.done_at - each.sent_at for each in (first, second)), 1.8 * ANSWER_S)
            shown = environment.stats.get(PUSH, "POST")
            assert shown.num_requests == 2
            assert shown.max_response_time < 1800 * ANSWER_S


def test_a_push_that_was_never_written_was_sent_when_it_was_given_up() -> None:
    environment = Environment()
    client = FastHttpSession(
        base_url="http://127.0.0.1:1", request_event=environment.events.request, user=None
    )
    attempt = FastSender(client, {}).push(b"{}", 1)
    assert not attempt.outcome.acknowledged
    assert attempt.begun_at < attempt.sent_at == attempt.done_at


def test_a_user_who_comes_when_the_run_is_over_pushes_nothing_and_is_no_producer() -> None:
    """On a worker that gets its users behind the order to finish."""
    environment = Environment()
    plan = LoadPlan(host="http://127.0.0.1:1", trial_directory="x", run_tag="t")
    run = LoadRun(plan, environment.stats, watched=False)
    set_current_run(environment, run)
    run.start()
    run.finish(0.0)
    user = QueueUser(environment)
    user.on_start()
    with pytest.raises(StopUser):
        user.work()
    assert run.recorder.part().ledger == ()


def test_a_stamped_body_is_the_body() -> None:
    assert b"head\r\n" + StampedBody(b"{}") == b"head\r\n{}"
