"""What the wrk scripts send, what they count, and how their last line is read."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from uuid import RFC_4122, UUID

import pytest

from loadtests.ceiling.push_body import Ids, name, push_template
from loadtests.ceiling.window import Asked
from loadtests.ceiling.wrk import WrkResult, WrkRun, parse
from queen.local.process import ChildFailed
from tests.ceiling.conftest import Listener

SHORT = Asked(warmup_s=0.1, measure_s=0.2, tag="w7", seed=7)
LINE = (
    '{"window_s":1.000123,"window_answers":900,"window_messages":0,"answers":1100,"messages":0,"empty":0,'
    '"bad_status":0,"broken":0,"timeouts":0,"p50_us":1500,"p99_us":4200,"cpu_s":0.125}'
)


def made_run(wrk: Path, listener: Listener, log: Path, script: str, options: Mapping[str, str]) -> WrkRun:
    return WrkRun(
        program=wrk, script=script, url=listener.url, connections=3, options=options, log=log / "wrk.log"
    )


async def test_pushes_name_every_message_once_and_share_out_the_partitions(
    wrk: Path, listener: Listener, tmp_path: Path
) -> None:
    template = tmp_path / "template"
    template.write_text(push_template("q", 5, 120, seed=7))
    options = {"template": str(template), "partitions": "10", "tag": SHORT.tag, "ids": "counting"}
    result = await made_run(wrk, listener, tmp_path, "push.lua", options).carry_out(SHORT)
    assert result.faults == ()
    assert {(method, path) for method, path, _ in listener.requests} == {("POST", "/api/v1/push")}
    items = [item for _, _, body in listener.requests for item in json.loads(body)["items"]]
    names = [item["transactionId"] for item in items]
    assert len(set(names)) == len(names) == 5 * len(listener.requests)
    for _, _, body in listener.requests:  # in the order in which a push expects ids
        request = [item["transactionId"] for item in json.loads(body)["items"]]
        first = int(request[0].removeprefix("w7-"))
        assert request == [name("w7", number) for number in range(first, first + 5)]
    assert {item["partition"] for item in items} == {f"p{number}" for number in range(10)}
    measured = result.measured(each=5)
    assert measured.run_messages <= len(names) <= measured.run_messages + 3 * 5
    assert 0.2 <= measured.measured_s < 0.4
    assert 0 < measured.messages <= measured.run_messages
    assert measured.value == pytest.approx(measured.messages / measured.measured_s)


@pytest.mark.parametrize(("ids", "version"), [("uuid7", 7), ("uuid4", 4)])
async def test_pushes_with_uuids_make_each_at_the_time_of_its_request(
    wrk: Path, listener: Listener, tmp_path: Path, ids: Ids, version: int
) -> None:
    template = tmp_path / "template"
    template.write_text(push_template("q", 5, 120, seed=7, ids=ids))
    options = {"template": str(template), "partitions": "10", "tag": SHORT.tag, "ids": ids}
    began_ms = time.time_ns() // 1_000_000
    result = await made_run(wrk, listener, tmp_path, "push.lua", options).carry_out(SHORT)
    assert result.faults == ()
    requests = [
        [item["transactionId"] for item in json.loads(body)["items"]] for *_, body in listener.requests
    ]
    names = [name for request in requests for name in request]
    assert len(set(names)) == len(names) == 5 * len(requests)
    uuids = [UUID(name) for name in names]
    assert [str(uuid) for uuid in uuids] == names
    assert {(uuid.version, uuid.variant) for uuid in uuids} == {(version, RFC_4122)}
    assert len({str(uuid)[-12:] for uuid in uuids}) == len(uuids)
    if ids == "uuid7":
        assert {len({name[:13] for name in request}) for request in requests} == {1}
        assert all(began_ms <= uuid.int >> 80 <= time.time_ns() // 1_000_000 for uuid in uuids)


async def test_pops_count_the_messages_of_the_answers(wrk: Path, listener: Listener, tmp_path: Path) -> None:
    message = b'{"transactionId":"t","leaseExpiries":0}'
    answers = [(200, b'{"messages":[%b]}' % b",".join([message] * count)) for count in (3, 1)] + [(204, b"")]
    listener.answer = lambda method, path, body: answers[len(listener.requests) % 3]
    path = "/api/v1/pop/queue/q?batch=3&autoAck=true"
    result = await made_run(wrk, listener, tmp_path, "pop.lua", {"path": path}).carry_out(SHORT)
    assert {asked for _, asked, _ in listener.requests} == {path}
    assert result.messages == pytest.approx(result.answers * 4 / 3, abs=8)
    assert result.empty == pytest.approx(result.answers / 3, abs=4)
    assert 0 < result.window_messages <= result.messages


async def test_groups_take_turns_when_one_has_read_everything(
    wrk: Path, listener: Listener, tmp_path: Path
) -> None:
    """Each group has ten messages, of which an answer carries two."""
    left = {"a": 10, "b": 10, "c": 1_000_000}

    def answer(method: str, path: str, body: bytes) -> tuple[int, bytes]:
        group = path.rpartition("&consumerGroup=")[2]
        if not left[group]:
            return 204, b""
        left[group] -= 2
        return 200, b'{"messages":[{"leaseExpiries":0},{"leaseExpiries":0}]}'

    listener.answer = answer
    options = {"path": "/pop?batch=2", "groups": "a,b,c", "group_messages": "10"}
    result = await made_run(wrk, listener, tmp_path, "pop.lua", options).carry_out(SHORT)
    assert (left["a"], left["b"]) == (0, 0)
    asked = "".join(path[-1] for _, path, _ in listener.requests)
    assert 5 <= asked.count("a") < 5 + 3
    assert 5 <= asked.count("b") < 5 + 3
    assert asked.startswith("aaa")
    assert asked.endswith("c")
    assert result.messages > 20


async def test_everything_that_was_popped_is_acknowledged_once(
    wrk: Path, listener: Listener, tmp_path: Path
) -> None:
    pops = 0

    def answer(method: str, path: str, body: bytes) -> tuple[int, bytes]:
        nonlocal pops
        if method == "POST":
            count = len(json.loads(body)["acknowledgments"])
            return 200, json.dumps([{"success": True}] * count, separators=(",", ":")).encode()
        pops += 1
        messages = [{"transactionId": f"m{pops}-{item}", "partitionId": "P"} for item in range(2)]
        delivery = {"partitionId": "P", "leaseId": f"L{pops}", "messages": messages}
        return 200, json.dumps(delivery, separators=(",", ":")).encode()

    listener.answer = answer
    path = "/api/v1/pop/queue/q?batch=2"
    result = await made_run(wrk, listener, tmp_path, "pop_ack.lua", {"path": path}).carry_out(SHORT)
    acks = [json.loads(body)["acknowledgments"] for method, _, body in listener.requests if method == "POST"]
    assert {asked for method, asked, _ in listener.requests if method == "POST"} == {"/api/v1/ack/batch"}
    names = [item["transactionId"] for ack in acks for item in ack]
    assert len(set(names)) == len(names)
    for ack in acks:
        pop = ack[0]["transactionId"].partition("-")[0][1:]
        assert [item["transactionId"] for item in ack] == [f"m{pop}-0", f"m{pop}-1"]
        assert {(i["leaseId"], i["partitionId"], i["status"]) for i in ack} == {(f"L{pop}", "P", "completed")}
    assert result.messages <= len(names) <= result.messages + 3 * 2


async def test_an_error_among_the_answers_is_a_fault(wrk: Path, listener: Listener, tmp_path: Path) -> None:
    listener.answer = lambda method, path, body: (503 if len(listener.requests) == 20 else 200, b"")
    result = await made_run(wrk, listener, tmp_path, "get.lua", {"path": "/livez"}).carry_out(SHORT)
    assert result.measured(each=1).faults == (f"1 of {result.answers} answers were errors",)


def test_the_last_line_is_the_result(tmp_path: Path) -> None:
    result = parse(f"Running 6s test\n  1 threads\n\n{LINE}\n", tmp_path / "wrk.log")
    measured = result.measured(each=100)
    assert (measured.messages, measured.run_messages) == (90_000, 110_000)
    assert (measured.p50_ms, measured.p99_ms, measured.generator_cpu_s) == (1.5, 4.2, 0.125)
    assert measured.value == pytest.approx(90_000 / 1.000123)
    assert measured.faults == ()


@pytest.mark.parametrize("output", ["", "unable to connect to 127.0.0.1:1", LINE[:-1]])
def test_without_it_the_run_has_failed(tmp_path: Path, output: str) -> None:
    with pytest.raises(ChildFailed, match="wrk told nothing"):
        parse(output, tmp_path / "wrk.log")


def test_what_went_wrong_is_named() -> None:
    result = WrkResult(
        window_s=0.0,
        window_answers=0,
        window_messages=0,
        answers=10,
        messages=0,
        empty=0,
        bad_status=0,
        broken=2,
        timeouts=1,
        p50_us=0,
        p99_us=0,
        cpu_s=0.1,
    )
    assert result.measured(each=1).faults == (
        "the window was never closed: no answer came any more",
        "2 connections broke, 1 answers timed out",
    )
