"""Does a trial count? Pure rules over what was measured; their limits stand here and nowhere else.

A fatal remark keeps the trial out of every statistic and has it repeated within the budget. Any other
is shown beside the result: a generator near its limit or a busy host is a finding, not a fault.
Schedule lag is never fatal: against latencies of 10 ms it would fail healthy trials.
"""

import math
from collections.abc import Iterable, Iterator, Sequence

from loadtests.results import (
    Accounting,
    Cell,
    GroupAccount,
    Invalidity,
    Latency,
    LoadResult,
    MachineUse,
    WorkerShare,
    busiest,
    lost_workers,
    unknowns,
)

MISSED_LIMIT = 0.001  # of the requests that were due
HELD_LIMIT = 0.001  # of the requests that were due
LAG_SHARE = 0.2  # of the response time, both at p99
LAG_LEAST_MS = 1.0  # less is what any timer is late by
SENT_LEAST = 0.99  # of the requests that were asked for
CHANCE = 4.0  # standard deviations that chance is granted
CEILING_SHARE = 0.5  # of the generator's ceiling
CORE_SHARE = 0.85  # of a core, by one Locust process: it can hardly do more than one
SPREAD_LIMIT = 0.01  # by which one worker's window may be longer than another's
PRESENT_LIMIT = 0.01  # of the producers: so many may come later or leave earlier, or be too many
OTHER_CPU_REMARK = 0.15  # of the machine's CPU, used by others
OTHER_CPU_FATAL = 0.80
ACCOUNTING = ("accounting", "not_accounted")  # reasons of `accounting_remarks`


def remarks(
    cell: Cell,
    load: LoadResult,
    *,
    accounting: Accounting | None,
    machine: MachineUse | None,
    ceiling_msg_s: float | None,
    pool_filled: bool = True,
    crashed: tuple[str, ...] = (),
) -> tuple[Invalidity, ...]:
    """Everything there is to say against a trial; empty when there is nothing.

    `ceiling_msg_s` is what the generator reaches against the null server with the same client, batch and
    loop; `pool_filled` whether the server's pool was full before the warm-up; `crashed` names the
    child processes that did not end as they should.
    """
    found = [
        *(Invalidity(reason="crashed", detail=detail, fatal=True) for detail in crashed),
        *_pool(cell, pool_filled),
        *_sent(cell, load),
        *near_ceiling(load.issued_msg_s(cell.batch), ceiling_msg_s),
        *busy_process(load.workers),
        *lagging(load.schedule_lag, load.response),
        *_workers(load),
        *_machine(load, machine),
        *accounting_remarks(accounting, ()),
    ]
    return tuple(found)


def accounting_remarks(
    accounting: Accounting | None, deliveries: Iterable[GroupAccount]
) -> tuple[Invalidity, ...]:
    """What is wrong with the messages that were stored, and with those that consumers received.

    And, not fatal, what of that could not be found out (`loadtests.results.unknowns`).
    """
    groups = tuple(deliveries)
    stored = _wrong("messages", accounting.faults) if accounting is not None else ()
    received = (remark for group in groups for remark in _wrong(f"deliveries to {group.name}", group.faults))
    return (*stored, *received, *_not_accounted(unknowns(accounting, groups)))


def _pool(cell: Cell, pool_filled: bool) -> Iterator[Invalidity]:
    """A pool that still grows has the window measure connections being opened."""
    if not pool_filled:
        yield Invalidity(
            reason="pool_not_filled",
            detail=f"fewer than {cell.pool} connections were open before the warm-up",
            fatal=True,
        )


def _sent(cell: Cell, load: LoadResult) -> Iterator[Invalidity]:
    due = load.requests_due
    yield from missed_too_many(load.requests_missed, due)
    yield from held_back(load.requests_held, due)
    asked = asked_for(cell, load)
    if due == 0 or due < asked - max((1 - SENT_LEAST) * asked, _by_chance(cell, asked)):
        yield Invalidity(
            reason="undersent", detail=f"{due} of {asked:.0f} requests asked for fell due", fatal=True
        )


def asked_for(cell: Cell, load: LoadResult) -> float:
    """Requests that the window was to have: by its rate, or by the interval of the producers that were there.

    Of a closed loop, and of a load whose rate changes, no more is known than that it sends: 1.
    """
    if cell.loop == "open" and cell.rate_msg_s is not None:
        return cell.rate_msg_s * load.measured_s / cell.batch
    there_s = [share.producer_s for share in load.workers]
    if cell.loop == "open" and cell.interval_ms is not None and None not in there_s:
        return 1000 * sum(each or 0.0 for each in there_s) / cell.interval_ms
    return 1.0


def _by_chance(cell: Cell, asked: float) -> float:
    """By how many requests a window may have fewer, as its edges fall into the schedules of the producers."""
    if cell.arrivals == "poisson":
        return CHANCE * math.sqrt(asked)
    if cell.arrivals == "aligned":
        return float(cell.clients)
    return CHANCE * math.sqrt(cell.clients) / 2  # each is off by less than one, with a deviation below 1/2


def missed_too_many(missed: int, due: int) -> Iterator[Invalidity]:
    """Whether a generator left out too many of the requests that were due."""
    if missed > MISSED_LIMIT * due:
        yield Invalidity(
            reason="missed",
            detail=f"{missed} of {due} requests were not sent: over the cap in flight, or late at the end",
            fatal=True,
        )


def held_back(held: int, due: int) -> Iterator[Invalidity]:
    """Whether the server's Retry-After kept back requests that were due: no latency tells of them."""
    if held > HELD_LIMIT * due:
        yield Invalidity(
            reason="held_back",
            detail=f"{_percent(held / due)} of the {due} requests that were due were not sent: "
            "the server had asked for a pause. They are in no latency",
            fatal=False,
        )


def lagging(lag: Latency | None, response: Latency | None) -> Iterator[Invalidity]:
    """Whether a large share of the response time is the generator's own lateness."""
    if lag is None or response is None:
        return
    if lag.p99_ms > LAG_LEAST_MS and lag.p99_ms > LAG_SHARE * response.p99_ms:
        yield Invalidity(
            reason="schedule_lag",
            detail=f"the generator itself turned to its pushes late: by {lag.p99_ms:.1f} ms at p99, "
            f"where the response time from the intended start is {response.p99_ms:.1f} ms",
            fatal=False,
        )


def _percent(share: float) -> str:
    """60%, and 0.2% where whole percents would say nothing."""
    return f"{share:.0%}" if share >= 0.1 else f"{share:.1%}"


def near_ceiling(issued_msg_s: float, ceiling_msg_s: float | None) -> Iterator[Invalidity]:
    """Whether a generator sent a large part of what it can; None: its ceiling is not known.

    The ceiling of one process says nothing about several, so theirs is not known.
    """
    if not ceiling_msg_s:
        return
    share = issued_msg_s / ceiling_msg_s
    if share > CEILING_SHARE:
        yield Invalidity(
            reason="near_ceiling",
            detail=f"{share:.0%} of the {ceiling_msg_s:.0f} msg/s that it reaches against a null server",
            fatal=False,
        )


def busy_process(workers: Iterable[WorkerShare]) -> Iterator[Invalidity]:
    """Whether a Locust process had hardly any CPU left, whatever its ceiling is said to be."""
    share = busiest(workers)
    if share is not None and share.cores > CORE_SHARE:
        yield Invalidity(
            reason="generator_limited",
            detail=f"Locust process {share.worker} used {share.cores:.0%} of a core",
            fatal=False,
        )


def _workers(load: LoadResult) -> Iterator[Invalidity]:
    """Of several Locust processes: all must tell to the end, and measure the same span of time."""
    if gone := lost_workers(load.workers):
        yield Invalidity(
            reason="worker_lost",
            detail=f"what worker {', '.join(map(str, gone))} did last is not known",
            fatal=True,
        )
    for window in sorted({share.window for share in load.workers}):
        lengths_s = [share.measured_s for share in load.workers if share.window == window and share.complete]
        if lengths_s and max(lengths_s) > (1 + SPREAD_LIMIT) * min(lengths_s):
            spread = f"{min(lengths_s):.2f} s on one worker, {max(lengths_s):.2f} s on another"
            yield Invalidity(reason="windows_differ", detail=f"window {window}: {spread}", fatal=False)


def _machine(load: LoadResult, machine: MachineUse | None) -> Iterator[Invalidity]:
    share = machine.other_share(load.measured_s) if machine is not None else None
    if share is not None and share > OTHER_CPU_REMARK:
        yield Invalidity(
            reason="busy_machine",
            detail=f"other programs used {share:.0%} of the machine",
            fatal=share > OTHER_CPU_FATAL,
        )


def _wrong(what: str, faults: Sequence[str]) -> Iterator[Invalidity]:
    if faults:
        yield Invalidity(reason="accounting", detail=f"{what}: {', '.join(faults)}", fatal=True)


def _not_accounted(why: Iterable[str]) -> Iterator[Invalidity]:
    if detail := "; ".join(why):
        yield Invalidity(reason="not_accounted", detail=f"not known: {detail}", fatal=False)
