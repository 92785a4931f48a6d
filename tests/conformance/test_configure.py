"""POST /api/v1/configure: makes a queue, or sets every option of it anew."""

import pytest

from .answers import Configured, Options
from .client import Client, Queue
from .marks import FEW, covers, on

pytestmark = covers("POST /api/v1/configure")

DEFAULTS = Options(
    lease_time=300,
    retry_limit=3,
    retry_delay=1000,
    max_size=0,
    ttl=3600,
    priority=0,
    dead_letter_queue=False,
    dlq_after_max_retries=False,
    delayed_processing=0,
    window_buffer=0,
    retention_seconds=0,
    completed_retention_seconds=0,
    retention_enabled=False,
    encryption_enabled=False,
    max_wait_time_seconds=0,
)
OTHERS = {
    "leaseTime": 30,
    "retryLimit": 0,
    "retryDelay": 5,
    "maxSize": 7,
    "ttl": 11,
    "priority": -3,
    "deadLetterQueue": True,
    "dlqAfterMaxRetries": True,
    "delayedProcessing": 13,
    "windowBuffer": 17,
    "retentionSeconds": 19,
    "completedRetentionSeconds": 23,
    "retentionEnabled": True,
    "encryptionEnabled": False,
    "maxWaitTimeSeconds": 29,
}


async def test_a_queue_has_every_default(orders: Queue) -> None:
    configured = await orders.configure()
    assert (configured.queue, configured.namespace, configured.task) == (orders.name, "", "")
    assert configured.options == DEFAULTS


async def test_every_option_is_echoed_with_the_value_in_force(client: Client, orders: Queue) -> None:
    body = {"queue": orders.name, "options": OTHERS}
    answer = await client.post("/api/v1/configure", body)
    assert answer.status == 200
    assert answer.json["options"] == OTHERS


async def test_what_is_left_out_is_reset(client: Client, orders: Queue) -> None:
    """An upsert: every option that is left out gets its default again, namespace and task too."""
    labelled = {"queue": orders.name, "namespace": "n", "task": "t", "options": {"leaseTime": 30}}
    first = (await client.post("/api/v1/configure", labelled)).as_(Configured)
    assert (first.namespace, first.task, first.options.lease_time) == ("n", "t", 30)
    second = await orders.configure(retryLimit=1)
    assert (second.namespace, second.task) == ("", "")
    assert (second.options.lease_time, second.options.retry_limit) == (300, 1)
    assert (second.queue_id, second.partition_id) == (first.queue_id, first.partition_id)


async def test_the_partition_that_it_makes_is_the_one_that_pushes_go_to(orders: Queue) -> None:
    configured = await orders.configure()
    [pushed] = await orders.push("t")
    assert pushed.partition_id == configured.partition_id


async def test_a_lease_time_of_0_is_60_seconds(orders: Queue) -> None:
    assert (await orders.configure(leaseTime=0)).options.lease_time == 60


@on(FEW)
@pytest.mark.parametrize("name", ["", "a/b", "\N{PILE OF POO}" * 255])
async def test_a_queue_may_have_any_name(client: Client, name: str) -> None:
    configured = await Queue(client, name).configure()
    assert configured.queue == name


@on(FEW)
async def test_no_namespace_is_null_or_nothing(client: Client, orders: Queue) -> None:
    body = {"queue": orders.name, "namespace": None, "task": None, "options": None}
    configured = (await client.post("/api/v1/configure", body)).as_(Configured)
    assert (configured.namespace, configured.task) == ("", "")


@on(FEW)
async def test_options_that_we_do_not_know_are_ignored(orders: Queue) -> None:
    assert (await orders.configure(maxRetries=1)).options == DEFAULTS


async def refuse_by_name(orders: Queue, option: str, value: object) -> None:
    body = {"queue": orders.name, "options": {option: value}}
    answer = await orders.client.post("/api/v1/configure", body)
    assert answer.status == 400
    assert option in answer.error


@on(FEW)
@pytest.mark.parametrize("option", OTHERS)
@pytest.mark.parametrize("value", ["x", [], 1.5])
async def test_an_option_of_a_wrong_type_is_refused_by_name(
    orders: Queue, option: str, value: object
) -> None:
    await refuse_by_name(orders, option, value)


@on(FEW)
@pytest.mark.parametrize("option", [name for name, value in OTHERS.items() if not isinstance(value, bool)])
@pytest.mark.parametrize("value", [-(2**31) - 1, 2**31, 10**30])
async def test_a_number_that_is_out_of_bounds_is_refused_by_name(
    orders: Queue, option: str, value: int
) -> None:
    await refuse_by_name(orders, option, value)


@on(FEW)
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "Empty request body"),
        (b"{", "Invalid JSON"),
        ({}, "queue is required"),
        ({"queue": None}, "queue is required"),
        ({"queue": 7}, "queue is required"),
        ({"queue": "q" * 256}, "queue is longer than 255 characters"),
        ({"queue": "q\0"}, "queue must not contain"),
        ({"queue": "q", "namespace": 7}, "namespace"),
        ({"queue": "q", "task": 7}, "task"),
        ({"queue": "q", "options": []}, "options"),
        ({"queue": "q", "options": {"encryptionEnabled": True}}, "encrypt"),
    ],
)
async def test_a_wrong_body_is_refused_with_the_place(client: Client, body: object, said: str) -> None:
    answer = await client.post("/api/v1/configure", body)
    assert answer.status == 400
    assert said in answer.error
