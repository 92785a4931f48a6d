"""Records as a sweep makes them, with only what a test is about."""

from typing import Any

from msgspec.structs import replace

from loadtests.results import (
    Accounting,
    Cell,
    ErrorCount,
    GroupAccount,
    Invalidity,
    Latency,
    LoadResult,
    Trial,
)


def made_load(
    *,
    acknowledged: int = 10_000,
    sent: int = 1_000,
    missed: int = 0,
    measured_s: float = 1.0,
    errors: tuple[ErrorCount, ...] = (),
) -> LoadResult:
    """A load of one second from monotonic time 100 on."""
    latency = Latency(count=sent, p50_ms=1, p90_ms=2, p95_ms=3, p99_ms=4, p999_ms=5, max_ms=6)
    return LoadResult(
        started_at="2026-11-25T03:00:00+00:00",
        started_monotonic_s=100.0,
        warmup_s=0.5,
        measured_s=measured_s,
        users=64,
        requests_sent=sent,
        requests_ok=sent,
        requests_not_done=0,
        requests_unknown=0,
        requests_missed=missed,
        messages_acknowledged=acknowledged,
        total_messages_acknowledged=acknowledged,
        service=latency,
        response=latency,
        errors=errors,
    )


def made_trial(
    *,
    cell: Cell,
    load: LoadResult | None = None,
    part: str = "capacity",
    block: int = 0,
    order: int = 0,
    attempt: int = 0,
    fatal: bool = False,
    accounting: Accounting | None = None,
) -> Trial:
    """A finished trial."""
    remark = Invalidity(reason="busy_machine", detail="other programs used 99% of the machine", fatal=True)
    return Trial(
        trial_id=f"{order:03d}-{part}-b{block}",
        part=part,
        block=block,
        order=order,
        attempt=attempt,
        cell=cell,
        started_at="2026-11-25T03:00:00+00:00",
        load=load or made_load(),
        accounting=accounting,
        remarks=(remark,) if fatal else (),
    )


def made_accounting(**faults: int) -> Accounting:
    """A sound account, but for the faults."""
    sound = Accounting(
        acknowledged=100,
        stored=100,
        unknown=0,
        unknown_stored=0,
        lost=0,
        duplicated=0,
        unexplained=0,
        out_of_order=0,
    )
    return replace(sound, **faults)


def made_group(group: str = "g", **changes: Any) -> GroupAccount:
    """What a group of consumers received of 100 messages: a sound account, but for the changes."""
    sound = GroupAccount(
        group=group,
        delivered=100,
        undelivered=0,
        nacked=0,
        lapsed=0,
        unexplained=0,
        out_of_order=0,
        order_judged="all",
    )
    return replace(sound, **changes)
