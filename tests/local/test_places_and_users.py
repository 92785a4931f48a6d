"""Where temporary databases go, who may go there, and the last step before a child's program."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from queen.errors import UserError
from queen.local import filesystem
from queen.local.filesystem import filesystem_of, temporary_root
from queen.local.process import EXEC_CHILD
from queen.local.users import User, can_enter, database_user, owner_of
from tests.local.support import directory_for_all, only_root

STRANGER = User(name="stranger", uid=54_321, gid=54_321)
only_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc, which only Linux has")


@only_linux
def test_the_file_system_of_a_path_is_that_of_the_nearest_mount() -> None:
    assert filesystem_of(Path("/proc/self")) == "proc"
    assert filesystem_of(Path("/")) not in (None, "proc")


@pytest.mark.parametrize(("in_tmp", "chosen"), [("tmpfs", "/var/tmp"), ("ext4", "/tmp")])
def test_a_disk_is_preferred_to_memory(in_tmp: str, chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/tmp")
    monkeypatch.setattr(filesystem, "filesystem_of", lambda path: in_tmp if path == Path("/tmp") else "ext4")
    assert temporary_root(None) == Path(chosen)


def test_memory_is_better_than_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/tmp")
    monkeypatch.setattr(filesystem, "filesystem_of", lambda path: "tmpfs")
    assert temporary_root(None) == Path("/tmp")


def test_no_place_at_all_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystem, "can_enter", lambda user, path: False)
    with pytest.raises(UserError, match="set TMPDIR"):
        temporary_root(STRANGER)


def test_a_stranger_may_pass_where_all_may_and_nowhere_else() -> None:
    with directory_for_all() as place:
        assert can_enter(STRANGER, place)
        (place / "closed").mkdir(mode=0o700)
        (place / "closed" / "open").mkdir(mode=0o755)
        assert not can_enter(STRANGER, place / "closed")
        assert not can_enter(STRANGER, place / "closed" / "open")


def test_an_owner_is_known_by_name() -> None:
    with directory_for_all() as place:
        assert owner_of(place).uid == os.geteuid()


@only_root
def test_an_owner_without_a_passwd_entry_is_told() -> None:
    with directory_for_all() as place:
        os.chown(place, STRANGER.uid, STRANGER.gid)
        with pytest.raises(UserError, match="uid 54321, which has no passwd entry"):
            owner_of(place)


def exec_child(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-I", "-S", str(EXEC_CHILD), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


@only_linux
def test_nothing_is_executed_for_a_parent_that_is_gone() -> None:
    done = exec_child("1", "9", "-", "/bin/echo", "executed")
    assert (done.returncode, done.stdout) == (126, "")


@only_root
def test_it_executes_as_the_user_without_further_groups() -> None:
    user = database_user()
    assert user is not None
    done = exec_child(str(os.getpid()), "9", f"{user.uid}:{user.gid}", "/bin/sh", "-c", "id -u; id -g; id -G")
    assert done.stdout.split() == [str(user.uid), str(user.gid), str(user.gid)]
