"""What `queen load` holds open: the target and Locust; and the check of every message at the end.

This process is asyncio, so Locust, which patches its process with gevent, is a child. It tells where it
wrote its runs in a file; this process adds what only the owner of server and database can know.
"""

import asyncio
import re
import secrets
import shutil
import socket
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from loadtests.commands import (
    load_audit,
    load_ceiling,
    load_checks,
    load_control,
    load_progress,
    load_remains,
    load_sampling,
    load_summary,
    load_warnings,
)
from loadtests.commands.load_page import PageKeeper
from loadtests.commands.load_request import LoadRequest
from loadtests.commands.load_signals import LoadSignals
from loadtests.commands.load_target import RestartableServer, Target, open_target
from loadtests.commands.locust_command import locust_command
from loadtests.commands.page_ceilings import PageCeilings
from loadtests.load.wire.credentials import TOKEN_FILE_VARIABLE
from loadtests.results import RunFiles
from loadtests.runs.control import SOCKET_VARIABLE, TOKEN_VARIABLE
from loadtests.runs.server_facts import FACTS_VARIABLE, WRITTEN_VARIABLE, encode
from loadtests.sweep.load_process import locust_environ
from loadtests.sweep.sampling import Look
from queen.cli import EXIT_ACCOUNTING, EXIT_FAILED, EXIT_INTERRUPTED
from queen.errors import UserError
from queen.local.process import Child, ChildSpec
from queen.local.scratch import temporary_directory

PAGE_DEADLINE_S = 30.0  # importing Locust takes a second, on a busy machine several
LOCUST_GRACE_S = 20.0  # to let the last answers come in and write the files
ERROR_LINE = re.compile(r"(?:/ERROR/[\w.]+|\berror): (.+)")  # of its log, and of its options


def run_session(request: LoadRequest, environ: Mapping[str, str]) -> int:
    """Run everything; returns the exit code. Raises `UserError` and `SettingsError`."""
    length_s = load_checks.check(request, environ)
    return asyncio.run(_session(request, environ, length_s))


async def _session(request: LoadRequest, environ: Mapping[str, str], length_s: float | None) -> int:
    signals = LoadSignals()
    signals.listen()
    stop = signals.stop
    with temporary_directory("load") as scratch:
        async with open_target(request.host, request.server, environ, scratch) as target:
            if target.started is not None:
                facts = target.facts
                _say(f"server {target.url}, pool {facts.pool}, strategy {facts.strategy}, {facts.server}")
            finished = Finished([], {})
            try:
                finished = await _run_locust(request, target, environ, scratch, signals, length_s)
                async with signals.explained(_say):
                    holds = await _look_into(finished, target.started, signals.leave)
            finally:
                _say_what_remains(target, finished)
        if request.headless and not stop.is_set():
            for place, run in enumerate(finished.runs):
                await load_ceiling.judge(run, scratch / f"ceiling-{place}")
    load_summary.show(finished.runs)
    if interrupted := stop.is_set() and (request.headless or signals.leave.is_set()):
        _say(f"interrupted{_interrupted_when(finished.runs)}")
    if not holds:
        _say("MESSAGES ARE NOT ACCOUNTED FOR: see the figures above")
        return EXIT_ACCOUNTING
    if any(map(load_audit.has_lost_a_worker, finished.runs)):
        _say("A PROCESS OF THE LOAD WAS LOST: what it did last is not known")
        return EXIT_FAILED
    if in_vain := load_audit.first_told(load_audit.in_vain, finished.runs):
        _say(in_vain)
        return EXIT_FAILED
    if left_open := load_audit.first_told(load_audit.not_accounted, finished.runs):
        _say(f"NOT EVERY MESSAGE IS ACCOUNTED FOR: {left_open}")
        return EXIT_INTERRUPTED if interrupted else EXIT_FAILED
    return EXIT_INTERRUPTED if interrupted else 0


def _say_what_remains(target: Target, finished: "Finished") -> None:
    """Of a load on a database that is not ours."""
    if target.started is None or target.started.postgres_pid is not None:
        return
    database = target.started.database
    if told := load_remains.told(database, made_schema=target.made_schema, runs=finished.runs):
        _say(told)


def _interrupted_when(runs: list[RunFiles]) -> str:
    if not runs:
        return " before anything was measured"
    cut_short = any(map(load_audit.was_interrupted, runs))
    return ": the figures are of what ran until then" if cut_short else " when the run was over: it is whole"


@dataclass(frozen=True)
class Finished:
    """The runs that Locust wrote, and what is known of those that ended while its page was open."""

    runs: list[RunFiles]
    accounted: Mapping[Path, bool]  # run → whether every message of it is accounted for


async def _look_into(finished: Finished, started: RestartableServer | None, leave: asyncio.Event) -> bool:
    """Add what only the owner of the server can; whether every message of the runs is accounted for."""
    left = [run for run in finished.runs if run.root not in finished.accounted]
    ours = [run for run in left if started is not None and load_audit.is_of_server(run, started.facts)]
    if ours and started is not None:
        shutil.copyfile(started.log, load_audit.only_trial(ours[-1]).server_log)
    others = [run for run in left if run not in ours]
    database = started.database if started is not None else None
    holds = await load_audit.account_for(ours, database, leave)
    return await load_audit.account_for(others, None) and holds and all(finished.accounted.values())


async def _run_locust(
    request: LoadRequest,
    target: Target,
    environ: Mapping[str, str],
    scratch: Path,
    signals: LoadSignals,
    length_s: float | None,
) -> Finished:
    """Run Locust to its end or until a signal; returns the runs that it wrote."""
    written, log = scratch / "written", scratch / "locust.log"
    control, token = str(scratch / "page"), secrets.token_urlsafe(32)
    port = load_checks.free_port(request)
    with_page = target.started is not None and not request.headless
    spec = ChildSpec(
        name="Locust",
        argv=locust_command(request, target.url, port),
        environ={
            **locust_environ(environ),
            **_token_file(target, scratch),
            FACTS_VARIABLE: encode(target.facts),
            WRITTEN_VARIABLE: str(written),
            **({SOCKET_VARIABLE: control, TOKEN_VARIABLE: token} if with_page else {}),
        },
        log=log,
        log_stays=False,
        grace_s=LOCUST_GRACE_S,
    )
    looks: list[Look] = []
    accounted: dict[Path, bool] = {}
    async with AsyncExitStack() as stack:
        locust = await stack.enter_async_context(await Child.start(spec))
        if target.started is not None and request.headless:
            looks = await stack.enter_async_context(load_sampling.sampled(target.started, locust.pid))
        elif target.started is not None:
            ceilings = PageCeilings(load_ceiling.judge, scratch)
            await stack.enter_async_context(signals.explained(_say))
            keeper = await stack.enter_async_context(
                PageKeeper.open(target.started, locust.pid, ceilings, signals.leave)
            )
            await stack.enter_async_context(load_control.serve(control, token, keeper.handle))
            accounted = keeper.accounted
        if request.headless:
            _say(load_progress.beginning(request, length_s))
            await stack.enter_async_context(load_progress.shown(looks, length_s, sys.stderr))
            await stack.enter_async_context(load_warnings.passed_on(log, _say))
        else:
            page = await _page_is_up(locust, request, port)
            print(f"{page}  (pool: {page}/queen)", flush=True)
        await _either(locust, signals.stop)
        await locust.stop()
    runs = [RunFiles(Path(line)) for line in _lines(written)]
    if looks and runs:
        load_sampling.store(runs[-1], looks)
    if runs:
        shutil.copyfile(log, load_audit.only_trial(runs[-1]).locust_log)
    elif request.headless and not signals.stop.is_set():
        raise UserError(f"Locust wrote no results: {_reason(log)}")
    return Finished(runs, accounted)


def _token_file(target: Target, scratch: Path) -> dict[str, str]:
    """Tells Locust the token of a server that was started here: in a file that nobody else can read."""
    if target.started is None or not target.started.token:
        return {}
    path = scratch / "token"
    path.touch(mode=0o600)
    path.write_text(target.started.token, encoding="ascii")
    return {TOKEN_FILE_VARIABLE: str(path)}


async def _page_is_up(locust: Child, request: LoadRequest, port: int) -> str:
    """Wait until the page can be opened; its address."""
    host = request.web_address

    def look() -> bool | None:
        try:
            with socket.create_connection((host, port)):
                return True
        except OSError:
            return None

    await locust.until(look, what="open its page", deadline_s=PAGE_DEADLINE_S)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _either(locust: Child, stop: asyncio.Event) -> None:
    """Wait until Locust ends or we are told to stop."""
    waits = {asyncio.ensure_future(locust.wait()), asyncio.ensure_future(stop.wait())}
    _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in pending:
        wait.cancel()
    await asyncio.gather(*pending, return_exceptions=True)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _reason(log: Path) -> str:
    """Why Locust ended: the last line of its log that tells of an error, else its last line.

    Behind an error stand the tables of its summary, which are empty then.
    """
    lines = [line for line in _lines(log) if line.strip()]
    errors = [found[1] for line in lines if (found := ERROR_LINE.search(line))]
    return [*(lines or ["nothing in its log"]), *errors][-1]


def _say(text: str) -> None:
    with suppress(OSError):  # the terminal is gone
        over = load_progress.CLEARED if sys.stderr.isatty() else ""  # the line that tells how far it is
        print(f"{over}queen: {text}", file=sys.stderr, flush=True)
