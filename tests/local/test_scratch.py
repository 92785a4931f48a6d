"""A scratch directory lives as long as its owner, however that ends."""

import errno
import fcntl
import os
import tempfile
from pathlib import Path

import pytest

from queen.errors import UserError
from queen.local.scratch import scratch_directory, sweep, temporary_directory
from tests.local.support import harness, line_of

OWNER = """
import signal, sys
from pathlib import Path
from queen.local.scratch import scratch_directory

with scratch_directory(Path(sys.argv[1]), sys.argv[2]) as directory:
    (directory / "file").write_text("x")
    print(directory, flush=True)
    signal.pause()
"""


def test_it_is_removed_with_all_in_it(tmp_path: Path) -> None:
    with scratch_directory(tmp_path, "db") as directory:
        (directory / "deep").mkdir()
        (directory / "deep" / "file").write_text("x")
    assert list(tmp_path.iterdir()) == []


def test_it_is_removed_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), scratch_directory(tmp_path, "db"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_two_at_once_leave_each_other_alone(tmp_path: Path) -> None:
    with scratch_directory(tmp_path, "db") as one, scratch_directory(tmp_path, "db") as other:
        assert one != other
        assert sweep(tmp_path) == []
        assert one.exists()
        assert other.exists()


@pytest.mark.parametrize("kind", ["db", "load"])
def test_that_of_a_killed_owner_is_removed_by_the_next_one(tmp_path: Path, kind: str) -> None:
    with harness(OWNER, str(tmp_path), kind) as owner:
        left = Path(line_of(owner))
        assert left.name.startswith(f"queen-{kind}-")
        assert sweep(tmp_path) == [], "its owner lives"
        owner.kill()
        owner.wait()
        assert left.exists()
        with scratch_directory(tmp_path, "db") as mine:
            assert list(tmp_path.iterdir()) == [mine]


def test_a_disk_that_knows_no_locks_is_named_and_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_file: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    why = rf"files cannot be locked in {tmp_path} \(No locks available\), try another TMPDIR$"
    with pytest.raises(UserError, match=why), temporary_directory("workers"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_only_looks_like_one_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "queen-db-mine").mkdir()
    assert sweep(tmp_path) == []
    assert (tmp_path / "queen-db-mine").exists()
