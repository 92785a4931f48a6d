"""A queue in memory that speaks as much of the contract as a load needs, for servers of `fake_server`.

Follows docs/ack.md for groups, leases and the clamp; a test may change a `partition`.
"""

import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.load.fake_server import SeenRequest, response


@dataclass
class Progress:
    """Where one group is in one partition. What it was handed out and is not in its lease is done."""

    position: int = 0  # messages before it are done
    lease_id: str = ""
    lease_until: float = 0.0
    handed_out: int = 0

    @property
    def leased(self) -> bool:
        return bool(self.lease_id) and time.monotonic() < self.lease_until


@dataclass
class FakeQueue:
    """The queues of a server; `script` answers a request."""

    lease_s: float = 60.0
    logs: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)  # by queue and partition
    groups: dict[tuple[str, str, str], Progress] = field(default_factory=dict)
    configured: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    leases: int = 0

    def script(self, request: SeenRequest) -> bytes:
        path = urlsplit(request.target)
        if request.method == "GET" and path.path.startswith("/api/v1/pop/queue/"):
            return self._pop(unquote(path.path.removeprefix("/api/v1/pop/queue/")), path.query)
        if path.path == "/api/v1/push":
            return self._push(json.loads(request.body)["items"])
        if path.path == "/api/v1/ack/batch":
            return self._ack(json.loads(request.body))
        if path.path == "/api/v1/configure":
            self.configured.append(json.loads(request.body))
            return response(200, b"{}")
        return response(404, b'{"error":"not found"}')

    def partition(self, queue: str, name: str = "p0") -> list[dict[str, Any]]:
        """The log of a partition; a test may change it."""
        return self.logs.setdefault(queue, {}).setdefault(name, [])

    def put_group_at(self, group: str, queue: str, position: int) -> None:
        """Put a group behind the first messages of partition p0."""
        self.groups[queue, group, "p0"] = Progress(position)

    @property
    def stored(self) -> int:
        return sum(len(log) for partitions in self.logs.values() for log in partitions.values())

    def _push(self, items: list[dict[str, Any]]) -> bytes:
        with self.lock:
            for item in items:
                log = self.partition(item["queue"], item["partition"])
                log.append({"transactionId": item["transactionId"], "data": item["payload"]})
        return response(201, json.dumps([{"status": "queued"}] * len(items), separators=(",", ":")).encode())

    def _pop(self, queue: str, query: str) -> bytes:
        asked = {name: values[-1] for name, values in parse_qs(query).items()}
        until = time.monotonic() + float(asked.get("timeout", 0)) / 1000 * (asked.get("wait") == "true")
        while True:
            with self.lock:
                messages = self._take(queue, asked)
            if messages:
                return response(200, json.dumps({"success": True, "messages": messages}).encode())
            if time.monotonic() >= until:
                return response(204)
            time.sleep(0.005)

    def _take(self, queue: str, asked: dict[str, str]) -> list[dict[str, Any]]:
        group, batch = asked.get("consumerGroup", "__QUEUE_MODE__"), int(asked.get("batch", 1))
        self.leases += 1
        lease_id, messages, claimed = f"lease-{self.leases}", list[dict[str, Any]](), 0
        for name, log in self.logs.get(queue, {}).items():
            progress = self.groups.setdefault((queue, group, name), Progress())
            if progress.leased or progress.position >= len(log) or len(messages) >= batch:
                continue
            claimed += 1
            taken = log[progress.position :][: batch - len(messages)]
            if asked.get("autoAck") == "true":
                progress.position += len(taken)
            else:
                progress.lease_id, progress.lease_until = lease_id, time.monotonic() + self.lease_s
                progress.handed_out = progress.position + len(taken)
            of_partition = {"partition": name, "partitionId": f"{queue}/{name}", "leaseId": progress.lease_id}
            messages += [{**message, **of_partition} for message in taken]
            if claimed >= int(asked.get("partitions", 1)):
                break
        return messages

    def _ack(self, body: dict[str, Any]) -> bytes:
        group = body.get("consumerGroup", "__QUEUE_MODE__")
        with self.lock:
            answers = [self._ack_one(group, item) for item in body["acknowledgments"]]
        return response(200, json.dumps(answers).encode())

    def _ack_one(self, group: str, item: dict[str, Any]) -> dict[str, Any]:
        queue, _, name = item["partitionId"].rpartition("/")
        log, progress = self.logs[queue][name], self.groups[queue, group, name]
        leased = range(progress.position, progress.handed_out)
        at = next((at for at in leased if log[at]["transactionId"] == item["transactionId"]), None)
        status = item.get("status", "completed")
        if at is None:
            done = status == "completed"
            return (
                {"success": done, "noop": True} if done else {"success": False, "error": "already committed"}
            )
        if not progress.leased or progress.lease_id != item["leaseId"]:
            return {"success": False, "error": "Invalid or expired lease"}
        if status == "completed":
            progress.position = at + 1
        if status != "completed" or progress.position == progress.handed_out:
            progress.lease_id = ""
        return {"success": True}
