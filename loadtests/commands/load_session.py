"""What `queen load` holds open: the target and Locust; and the check of every message at the end.

This process is asyncio, so Locust, which patches its process with gevent, is a child. It tells where it
wrote its runs in a file; this process adds what only the owner of server and database can know.
"""

import asyncio
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from loadtests.commands import load_audit, load_ceiling, load_sampling, load_summary
from loadtests.commands.load_request import LoadRequest
from loadtests.commands.load_target import LOOPBACK, StartedServer, Target, open_target
from loadtests.commands.locust_command import locust_command
from loadtests.load.server_facts import FACTS_VARIABLE, WRITTEN_VARIABLE, encode
from loadtests.results import RunFiles
from loadtests.sweep.load_process import locust_environ
from loadtests.sweep.sampling import Look
from queen.errors import UserError
from queen.local.process import Child, ChildSpec

PAGE_DEADLINE_S = 30.0  # importing Locust takes a second, on a busy machine several
LOCUST_GRACE_S = 20.0  # to let the last answers come in and write the files
EXIT_FAILED, EXIT_INTERRUPTED, EXIT_ACCOUNTING = 1, 130, 3


def run_session(request: LoadRequest, environ: Mapping[str, str]) -> int:
    """Run everything; returns the exit code. Raises `UserError` and `SettingsError`."""
    return asyncio.run(_session(request, environ))


async def _session(request: LoadRequest, environ: Mapping[str, str]) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    with tempfile.TemporaryDirectory(prefix="queen-load-") as scratch:
        async with open_target(request.host, request.server, environ, Path(scratch)) as target:
            if target.started is not None:
                facts = target.facts
                _say(f"server {target.url}, pool {facts.pool}, strategy {facts.strategy}, {facts.server}")
            runs = await _run_locust(request, target, environ, Path(scratch), stop)
            holds = await _look_into(runs, target.started)
        if request.headless and not stop.is_set():
            await load_ceiling.judge(runs, Path(scratch))
    load_summary.show(runs)
    if not holds:
        _say("MESSAGES ARE NOT ACCOUNTED FOR: see the figures above")
        return EXIT_ACCOUNTING
    if any(map(load_audit.has_lost_a_worker, runs)):
        _say("A PROCESS OF THE LOAD WAS LOST: what it did last is not known")
        return EXIT_FAILED
    return EXIT_INTERRUPTED if stop.is_set() and request.headless else 0


async def _look_into(runs: Sequence[RunFiles], started: StartedServer | None) -> bool:
    """Add what only the owner of the server can; whether every message of the runs is accounted for."""
    if runs and started is not None:
        shutil.copyfile(started.log, load_audit.only_trial(runs[-1]).server_log)
    return await load_audit.account_for(runs, started.database if started is not None else None)


async def _run_locust(
    request: LoadRequest, target: Target, environ: Mapping[str, str], scratch: Path, stop: asyncio.Event
) -> list[RunFiles]:
    """Run Locust to its end or until `stop`; returns the runs that it wrote."""
    written, log = scratch / "written", scratch / "locust.log"
    port = _free_port(request.web_port)
    spec = ChildSpec(
        name="Locust",
        argv=locust_command(request, target.url, port),
        environ={
            **locust_environ(environ),
            FACTS_VARIABLE: encode(target.facts),
            WRITTEN_VARIABLE: str(written),
        },
        log=log,
        grace_s=LOCUST_GRACE_S,
    )
    async with await Child.start(spec) as locust:
        if request.headless:
            _say(f"load {request.shape}, {request.users} users, {request.run_time or 'to its end'}")
        else:
            await _page_is_up(locust, port)
            print(f"http://{LOOPBACK}:{port}  (pool: http://{LOOPBACK}:{port}/queen)", flush=True)
        async with _looks(request, target, locust) as looks:
            await _either(locust, stop)
            await locust.stop()
    runs = [RunFiles(Path(line)) for line in _lines(written)]
    if looks and runs:
        load_sampling.store(runs[-1], looks)
    if runs:
        shutil.copyfile(log, load_audit.only_trial(runs[-1]).locust_log)
    elif request.headless and not stop.is_set():
        raise UserError(f"Locust wrote no results: {_last_line(log)}")
    return runs


@asynccontextmanager
async def _looks(request: LoadRequest, target: Target, locust: Child) -> AsyncIterator[list[Look]]:
    """Samples of a headless run on a server of ours; of others, and of hours in a page, there are none."""
    if target.started is None or not request.headless:
        yield []
        return
    async with load_sampling.sampled(
        server_url=target.url,
        database=target.started.database,
        server_pid=target.started.pid,
        generator_pid=locust.pid,
        postgres_pid=target.started.postgres_pid,
    ) as looks:
        yield looks


async def _page_is_up(locust: Child, port: int) -> None:
    def look() -> bool | None:
        with socket.socket() as probe:
            return True if probe.connect_ex((LOOPBACK, port)) == 0 else None

    await locust.until(look, what="open its page", deadline_s=PAGE_DEADLINE_S)


async def _either(locust: Child, stop: asyncio.Event) -> None:
    """Wait until Locust ends or we are told to stop."""
    waits = {asyncio.ensure_future(locust.wait()), asyncio.ensure_future(stop.wait())}
    _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in pending:
        wait.cancel()
    await asyncio.gather(*pending, return_exceptions=True)


def _free_port(wanted: int) -> int:
    """The wanted port if it is free, any free one for 0. Raises `UserError`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, wanted))
        except OSError as error:
            raise UserError(f"--web-port {wanted}: {error.strerror}") from None
        port: int = probe.getsockname()[1]
        return port


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _last_line(log: Path) -> str:
    lines = [line for line in _lines(log) if line.strip()]
    return lines[-1] if lines else "nothing in its log"


def _say(text: str) -> None:
    print(f"queen: {text}", file=sys.stderr, flush=True)
