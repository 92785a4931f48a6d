"""What the lists make of a query, and of what the reader found: with a reader that is asked and answers."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from queen.api.dlq import DeadLettersResource
from queen.api.groups import GroupsResource
from queen.api.listing import Between
from queen.api.messages import MessagesResource
from queen.core.deadline import Deadline
from queen.core.reading import (
    COUNTED_DEAD_LETTERS,
    DeadLetterFilter,
    GroupSummary,
    Listed,
    MessageFilter,
    MessageList,
    Page,
)
from queen.errors import BadRequest
from queen.http.message import Request

DEADLINE = partial(Deadline.after_ms, 1000)
NOW = datetime(2026, 11, 24, 8, 31, 51, 144271, tzinfo=UTC)


class Present:
    """A client that stays."""

    gone = False

    def on_gone(self, callback: Callable[[], None]) -> Callable[[], None]:
        return callback


def get(*params: str, **query: str) -> Request:
    return Request("GET", "/", params, query, {}, b"", Present())


@dataclass
class FakeReader:
    """Remembers what it was asked."""

    total: int = 0
    listed: list[GroupSummary] = field(default_factory=list)
    asked: list[Any] = field(default_factory=list)

    async def messages(self, wanted: MessageFilter, page: Page, deadline: Deadline) -> MessageList:
        self.asked = [wanted, page]
        return MessageList(Listed([], self.total), queue_mode=True, named_groups=1)

    async def dead_letters(self, wanted: DeadLetterFilter, page: Page, deadline: Deadline) -> Listed[Any]:
        self.asked = [wanted, page]
        return Listed([], self.total)

    async def groups(self, page: Page, deadline: Deadline) -> Listed[GroupSummary]:
        self.asked = [page]
        return Listed(self.listed, self.total)


@pytest.fixture
def reader() -> Any:
    return FakeReader()


@pytest.mark.parametrize(
    ("to", "until"),
    [
        ("2026-11-24T08:31", "2026-11-24T08:31:59.999999"),
        ("2026-11-24T08:31Z", "2026-11-24T08:31:59.999999"),
        ("2026-11-24T09:31+01:00", "2026-11-24T08:31:59.999999"),
        ("20261124T0831", "2026-11-24T08:31:59.999999"),
        ("2026-11-24T08:31:00", "2026-11-24T08:31:00"),
        ("2026-11-24T08:31:00.250Z", "2026-11-24T08:31:00.250"),
        ("20261124T083100", "2026-11-24T08:31:00"),
        ("2026-11-24", "2026-11-24T00:00:00"),
    ],
)
def test_a_window_ends_with_the_minute_where_no_second_is_named(to: str, until: str) -> None:
    window = Between.of("pushed", "").read({"to": to})
    assert window.until == datetime.fromisoformat(until).replace(tzinfo=UTC)


@pytest.mark.parametrize("end", ["0001-01-01T00:30:00Z", "9999-12-31T23:59:59.999999Z"])
def test_the_ends_of_the_calendar_leave_room_to_reckon_with(end: str) -> None:
    window = Between.of("pushed", "").read({"from": end, "to": end})
    for moment in (window.since, window.until):
        assert moment is not None
        assert moment - timedelta(days=1) < moment < moment + timedelta(days=1)


def test_a_window_without_ends_is_left_to_the_reader() -> None:
    window = Between.of("pushed", "").read({"from": ""})
    assert (window.since, window.until) == (None, None)


async def test_every_filter_of_messages_is_asked_for(reader: Any) -> None:
    filters = {"queue": "q", "partition": "p", "ns": "n", "task": "t", "status": "pending"}
    times = {"from": "2026-11-24T08:00:00Z", "to": "2026-11-24T08:31:51Z"}
    answer = await MessagesResource(reader, DEADLINE).messages(get(**filters, **times, limit="7", offset="9"))
    [wanted, page] = reader.asked
    assert (wanted.scope.queue, wanted.scope.namespace, wanted.scope.task) == ("q", "n", "t")
    assert (wanted.partition, wanted.status) == ("p", "pending")
    assert wanted.window.until - wanted.window.since == timedelta(minutes=31, seconds=51)
    assert page == Page(7, 9)
    assert json.loads(answer.body)["mode"] == {"hasQueueMode": True, "busGroupsCount": 1, "type": "hybrid"}


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ({}, Page(200, 0)),
        ({"limit": "0", "offset": "-1"}, Page(1, 0)),
        ({"limit": "9" * 30, "offset": "9" * 30}, Page(1000, 10_000)),
        ({"limit": "x", "offset": "1.5"}, Page(200, 0)),
    ],
)
async def test_a_page_out_of_bounds_is_clamped_and_says_so(
    reader: Any, query: Mapping[str, str], page: Page
) -> None:
    answer = await MessagesResource(reader, DEADLINE).messages(get(**query))
    assert reader.asked[1] == page
    assert json.loads(answer.body)["pagination"] == {"limit": page.limit, "offset": page.offset, "total": 0}


@pytest.mark.parametrize(("more", "capped"), [(0, False), (1, True)])
async def test_a_total_that_is_not_the_whole_says_so(reader: Any, more: int, capped: bool) -> None:
    reader.total = COUNTED_DEAD_LETTERS + more
    said = json.loads((await DeadLettersResource(reader, DEADLINE).dead_letters(get())).body)
    assert (said["total"], said["totalCapped"]) == (COUNTED_DEAD_LETTERS, capped)
    assert said["pagination"] == {"limit": 100, "offset": 0, "total": COUNTED_DEAD_LETTERS}


@pytest.mark.parametrize(
    ("unread", "lag_s", "consumed", "state"),
    [
        (0, 0, False, "Stable"),
        (1, 300, True, "Stable"),
        (1, 301, True, "Lagging"),
        (1, 301, False, "Dead"),
    ],
)
async def test_a_group_in_the_list(reader: Any, unread: int, lag_s: int, consumed: bool, state: str) -> None:
    last = NOW if consumed else None
    reader.listed = [GroupSummary("g", "q", 3, 1, unread, lag_s, last, "new", NOW, NOW)]
    reader.total = 17
    answer = await GroupsResource(reader, DEADLINE).groups(get())
    assert ("X-Total-Count", "17") in answer.headers
    assert json.loads(answer.body) == [
        {
            "name": "g",
            "topics": ["q"],
            "queueName": "q",
            "members": 3,
            "partitionsWithLag": 1,
            "totalLag": unread,
            "maxTimeLag": lag_s,
            "state": state,
            "subscriptionMode": "new",
            "subscriptionTimestamp": "2026-11-24T08:31:51.144Z",
            "subscriptionCreatedAt": "2026-11-24T08:31:51.144Z",
        }
    ]


@pytest.mark.parametrize("name", ["x", "", "448f"])
async def test_a_partition_is_named_by_a_uuid(reader: Any, name: str) -> None:
    with pytest.raises(BadRequest, match="partitionId must be a UUID"):
        await MessagesResource(reader, DEADLINE).message(get(name, "a"))
