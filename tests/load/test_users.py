from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment

from loadtests.load.measuring.locust_stats import PUSH
from loadtests.load.users import FastSender
from tests.load.fake_server import SeenRequest, fake_server, response

QUEUED = b'[{"status":"queued"}]'
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
