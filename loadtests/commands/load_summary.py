"""The figures of a load, as a table for people."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from loadtests import results
from loadtests.commands.load_audit import only_trial
from loadtests.commands.load_stages import stages_table
from loadtests.results import (
    QUEUE_MODE,
    GroupAccount,
    Latency,
    LoadResult,
    Manifest,
    RunFiles,
    Trial,
    accounted,
)

MOST_ERRORS = 3  # kinds of failures that have a row of their own


def show(runs: Iterable[RunFiles]) -> None:
    """Print the table of each run and where it is, on stdout."""
    console = Console()
    for run in runs:
        trial = results.read(only_trial(run).trial, Trial)
        if (stages := stages_table(trial)) is not None:
            console.print(stages)
        console.print(table(trial))
        manifest = results.read(run.manifest, Manifest)
        for line in filter(None, (manifest.answer, *manifest.notes)):
            console.print(line, soft_wrap=True, highlight=False)
        console.print(f"results: {run.root}", soft_wrap=True, highlight=False)


def table(trial: Trial) -> Table:
    """One load's figures."""
    load = trial.load
    cell = trial.cell
    title = f"{cell.shape}, {cell.loop} loop, {load.users} producers, {load.measured_s:.1f} s measured"
    shown = Table(title=title, show_header=False, title_justify="left")
    shown.add_column("what")
    shown.add_column("figure", justify="right")
    for name, figure in _rows(load, trial.from_intended_start(load)):
        shown.add_row(name, figure)
    shown.add_row("every message accounted for", str(accounted(trial)))
    for group in trial.deliveries:
        shown.add_row(*_group_row(group))
    for remark in trial.remarks:
        shown.add_row(remark.title, remark.detail)
    return shown


def _rows(load: LoadResult, response: Latency | None) -> Iterable[tuple[str, str]]:
    yield "acknowledged", f"{load.throughput_msg_s:,.0f} msg/s"
    yield "pushes acknowledged", f"{load.requests_ok:,}"
    yield "pushes refused (not stored)", f"{load.requests_not_done:,}"
    yield "pushes with unknown outcome", f"{load.requests_unknown:,}"
    if load.requests_missed:
        yield "pushes missed by the generator", f"{load.requests_missed:,}"
    if load.requests_held:
        yield "pushes held back by the server, never sent", f"{load.requests_held:,}"
    if load.held is not None:
        yield "producers held back p50 / p95 / p99", _latency(load.held)
    if load.messages_popped:
        yield "consumed", f"{load.messages_popped / load.measured_s:,.0f} msg/s"
    yield "latency p50 / p95 / p99, from the send", _latency(load.service)
    yield "the same from the intended start", "-" if response is None else _latency(response)
    if load.end_to_end is not None:
        yield "the same until a consumer had the message", _latency(load.end_to_end)
    if load.schedule_lag is not None:
        yield "schedule lag p50 / p95 / p99", _latency(load.schedule_lag)
    for error in load.errors[:MOST_ERRORS]:
        yield f"{error.status or '-'} {error.code}", f"{error.requests:,} x {error.text}"
    if further := load.errors[MOST_ERRORS:]:
        requests = sum(error.requests for error in further)
        yield "other failures", f"{requests:,} of {len(further)} kinds, see load.json"


def _latency(latency: Latency | None) -> str:
    if latency is None:
        return "no answers"
    return f"{latency.p50_ms:.1f} / {latency.p95_ms:.1f} / {latency.p99_ms:.1f} ms"


def _group_row(group: GroupAccount) -> tuple[str, str]:
    name = "consumers received" if group.group == QUEUE_MODE else f"group {group.group} received"
    verdict = "" if group.holds else "NO: "
    reasons = f"{group.nacked:,} nacked, {group.lapsed:,} lapsed"
    wrong = f"{group.out_of_order:,} out of order"
    if group.unjudged:
        return name, f"{verdict}at least {group.delivered:,} ({reasons}, {wrong}; {group.unjudged})"
    missing = "missing not known" if group.undelivered is None else f"{group.undelivered:,} missing"
    again = f"{_figure(group.again)} again for that, {_figure(group.unexplained)} without a reason"
    return name, f"{verdict}{group.delivered:,} ({missing}, {reasons}, {again}, {wrong})"


def _figure(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"
