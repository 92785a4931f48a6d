"""A child is started, watched and stopped, and it never outlives its owner."""

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import psutil
import pytest

from queen.local.process import Child, ChildFailed, ChildSpec
from queen.local.users import database_user
from tests.local.support import harness, is_gone, kernel_ends_children, line_of, only_root, wait_for
from tests.waiting import until

LIVES = "import signal; print('up', flush=True); signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + LIVES
UP = re.compile("up")

OWNER = """
import asyncio, re, sys
from pathlib import Path
from queen.local.process import Child, ChildSpec

async def main():
    program = "import signal; print('up', flush=True); signal.pause()"
    spec = ChildSpec(name="c", argv=(sys.executable, "-c", program), environ={}, log=Path(sys.argv[1]))
    async with await Child.start(spec) as child:
        if sys.argv[2] == "ready":
            await child.says(re.compile("up"), deadline_s=20)
        print(child.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def python(program: str, log: Path, **options: object) -> ChildSpec:
    defaults: dict[str, object] = {"name": "child", "environ": {}, "log": log}
    return ChildSpec(argv=(sys.executable, "-c", program), **(defaults | options))  # type: ignore[arg-type]


async def test_it_is_stopped_by_its_signal_at_the_end(tmp_path: Path) -> None:
    async with await Child.start(python(LIVES, tmp_path / "log")) as child:
        await child.says(UP, deadline_s=20)
        assert child.returncode is None
    assert child.returncode == -signal.SIGTERM


async def test_it_leads_a_group_of_its_own(tmp_path: Path) -> None:
    async with await Child.start(python(LIVES, tmp_path / "log")) as child:
        await child.says(UP, deadline_s=20)
        assert os.getpgid(child.pid) == child.pid != os.getpgrp()


async def test_one_that_ignores_signals_is_killed_with_its_group(tmp_path: Path) -> None:
    program = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]); "
    program += "print('grandchild', p.pid, flush=True); " + STUBBORN
    spec = python(program, tmp_path / "log", grace_s=0.2)
    async with await Child.start(spec) as child:
        grandchild = await child.says(re.compile(r"grandchild (\d+)"), deadline_s=20)
        await child.says(UP, deadline_s=20)
    assert child.returncode == -signal.SIGKILL
    await until(lambda: is_gone(int(grandchild[1])))


async def test_what_its_children_leave_running_is_killed_too(tmp_path: Path) -> None:
    program = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {LIVES!r}]); "
    program += "print('grandchild', p.pid, flush=True)"
    async with await Child.start(python(program, tmp_path / "log")) as child:
        grandchild = await child.says(re.compile(r"grandchild (\d+)"), deadline_s=20)
        await child.wait()
    await until(lambda: is_gone(int(grandchild[1])))


async def test_a_cancelled_stop_kills_at_once(tmp_path: Path) -> None:
    async with await Child.start(python(STUBBORN, tmp_path / "log", grace_s=600)) as child:
        await child.says(UP, deadline_s=20)
        stopping = asyncio.create_task(child.stop())
        await asyncio.sleep(0)
        stopping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stopping
        assert await child.wait() == -signal.SIGKILL


async def test_an_early_end_is_told_with_the_line_that_names_the_error(tmp_path: Path) -> None:
    program = "import sys; print('FATAL: no more beer'); print('going down'); sys.exit(3)"
    async with await Child.start(python(program, tmp_path / "log")) as child:
        with pytest.raises(ChildFailed, match="child ended with exit code 3: FATAL: no more beer") as failed:
            await child.says(UP, deadline_s=20)
    assert "\n" not in str(failed.value)
    assert failed.value.tail == "FATAL: no more beer\ngoing down"


async def test_not_ready_in_time_is_told(tmp_path: Path) -> None:
    async with await Child.start(python("import signal; signal.pause()", tmp_path / "log")) as child:
        with pytest.raises(ChildFailed, match=r"did not answer within 0\.05 s: nothing in its log"):
            await child.until(lambda: None, what="answer", deadline_s=0.05)


async def test_a_line_of_an_older_run_in_the_same_log_does_not_count(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("up\n")
    async with await Child.start(python("print('something else')", log)) as child:
        with pytest.raises(ChildFailed, match="something else"):
            await child.says(UP, deadline_s=20)
    assert log.read_text() == "up\nsomething else\n"


async def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    spec = ChildSpec(name="nothing", argv=("/no/such/program",), environ={}, log=tmp_path / "log")
    async with await Child.start(spec) as child:
        with pytest.raises(ChildFailed, match="cannot run /no/such/program: No such file or directory"):
            await child.finish(20)


async def test_it_gets_the_environment_it_was_given_and_no_other(tmp_path: Path) -> None:
    program = (
        "import os; print(sorted(n for n in os.environ if n not in ('LC_CTYPE', '__CF_USER_TEXT_ENCODING')))"
    )
    async with await Child.start(python(program, tmp_path / "log", environ={"ONLY": "this"})) as child:
        await child.finish(20)
    assert (tmp_path / "log").read_text() == "['ONLY']\n"


@only_root
async def test_root_can_lend_it_another_user(tmp_path: Path) -> None:
    user = database_user()
    assert user is not None
    program = ("/bin/sh", "-c", "id -u; id -G; echo up; exec tail -f /dev/null")
    spec = ChildSpec(
        name="sh", argv=program, environ={"PATH": "/usr/bin:/bin"}, log=tmp_path / "log", user=user
    )
    async with await Child.start(spec) as child:
        await child.says(UP, deadline_s=20)
        assert psutil.Process(child.pid).uids().effective == user.uid
    assert (tmp_path / "log").read_text().splitlines()[:2] == [str(user.uid), str(user.gid)]


@kernel_ends_children
@pytest.mark.parametrize("when", ["ready", "at once"])
def test_it_dies_with_an_owner_that_is_killed(tmp_path: Path, when: str) -> None:
    with harness(OWNER, str(tmp_path / "log"), when) as owner:
        child = int(line_of(owner))
        owner.kill()
        owner.wait()
        assert wait_for(lambda: is_gone(child))
