import re
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from loadtests.load.measuring.outcome import ALL_QUEUED, classify
from loadtests.load.null_server import push_answer, split_requests
from loadtests.load.wire.transport import Connection, Watchdog, parse_endpoint

POST = b"POST /api/v1/push HTTP/1.1\r\nContent-Length: 7\r\n\r\n{...\r\n}"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@given(st.lists(st.sampled_from([POST, GET]), max_size=8), st.data())
def test_requests_are_counted_however_they_are_split(requests: list[bytes], data: st.DataObject) -> None:
    wire = b"".join(requests)
    cut = data.draw(st.integers(0, len(wire)))
    first, rest = split_requests(wire[:cut])
    second, nothing = split_requests(rest + wire[cut:])
    assert first + second == len(requests)
    assert nothing == b""


def test_it_runs_and_answers_a_push_as_all_queued() -> None:
    command = [sys.executable, "-m", "loadtests.load.null_server", "--port", "0", "--batch", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            listening = re.match(r"listening on (http://127\.0\.0\.1:\d+)\n", server.stdout.readline())
            assert listening is not None
            watchdog = Watchdog(timeout_s=10.0)
            reply = Connection(parse_endpoint(listening[1]), watchdog).exchange(POST).reply
            watchdog.stop()
        finally:
            server.terminate()
    assert classify(reply.status, reply.body, 3) is ALL_QUEUED


def test_the_answer_is_one_complete_response() -> None:
    head, _, body = push_answer(10).partition(b"\r\n\r\n")
    assert b"Content-Length: %d" % len(body) in head
