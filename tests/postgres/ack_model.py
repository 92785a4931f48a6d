"""The ack rule as a small pure model, written from docs/ack.md, to hold the SQL against.

One (partition, group): messages at positions 1..head, a committed position, at most one lease.
"""

from dataclasses import dataclass, field

NACKS = ("failed", "retry")


@dataclass(frozen=True)
class ModelItem:
    """`lease`: "live" names the live lease, "stale" another one, "" none."""

    position: int
    status: str
    lease: str


@dataclass
class AckModel:
    """State and rule."""

    retry_limit: int
    head: int
    position: int = 0
    lease_end: int | None = None  # None: no lease lives
    expired: bool = False  # a lease ran out and nobody has popped since
    expiries: int = 0  # leases that ran out since the position moved
    attempts: dict[int, int] = field(default_factory=dict)
    dead: list[tuple[int, int]] = field(default_factory=list)  # position, retry count

    def pop(self, batch: int) -> list[int]:
        """Lease the next messages; the positions handed out."""
        if self.lease_end is not None or self.position == self.head:
            return []
        self.expiries += self.expired
        self.expired = False
        self.lease_end = min(self.head, self.position + batch)
        return list(range(self.position + 1, self.lease_end + 1))

    def expire(self) -> None:
        """The lease runs out."""
        if self.lease_end is not None:
            self.lease_end, self.expired = None, True

    def ack(self, items: list[ModelItem]) -> tuple[list[str], bool]:
        """Outcomes by the names of 0005_ack.sql, in the items' order; whether the lease ended."""
        outcomes = [""] * len(items)
        lease_end, clamped, before = self.lease_end, False, self.position
        for index in sorted(range(len(items)), key=lambda i: (items[i].position, i)):
            outcomes[index], clamps = self._judge(items[index], lease_end, clamped)
            clamped = clamped or clamps
        ended = lease_end is not None and (clamped or self.position >= lease_end)
        if ended:
            self.lease_end = None
        if self.position != before:
            self.expired, self.expiries = False, 0
        return outcomes, ended

    def _judge(self, item: ModelItem, lease_end: int | None, clamped: bool) -> tuple[str, bool]:
        if item.position > self.head:
            return "unresolved", False
        if item.position <= self.position:
            return ("committed" if item.status in NACKS else "noop"), False
        fenced = item.lease != ""
        allowed = (
            lease_end is None
            if not fenced
            else (lease_end is not None and item.lease == "live" and item.position <= lease_end)
        )
        if not allowed:
            return "lease", False
        if clamped:
            return ("returned" if item.status in NACKS else "superseded"), False
        return self._apply(item)

    def _apply(self, item: ModelItem) -> tuple[str, bool]:
        if item.status == "failed":
            count = self.attempts.get(item.position, 0) + 1
            self.attempts = {item.position: count}
            if count > self.retry_limit:
                self._bury(item.position, count - 1)
        elif item.status == "dlq":
            self._bury(item.position, self.attempts.get(item.position, 0))
        elif item.status != "retry":
            self._commit(item.position)
        nacked = item.status in NACKS
        return ("returned" if nacked else "done"), nacked

    def _commit(self, position: int) -> None:
        self.position = position
        self.attempts = {}

    def _bury(self, position: int, retry_count: int) -> None:
        self.dead.append((position, retry_count))
        self._commit(position)
