"""Environments for the clients: whole or not there, made once, and with the client's `queen` in them."""

import subprocess
from pathlib import Path

import pytest

from tests.clients.environments import NotInstalled, python_with
from tests.clients.published import PublishedClient
from tests.house import wheels


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock of one package that is on this machine."""
    wheel = wheels.write_wheel(tmp_path, "thing", "1.0", {"thing.py": "VALUE = 42\n"})
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("UV_OFFLINE", "1")
    lock = tmp_path / "thing.lock"
    lock.write_text(wheels.lock_lines(wheel))
    return lock


def says(python: Path, program: str) -> str:
    return subprocess.run(
        [python, "-I", "-c", program], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_client_is_the_published_one(published: PublishedClient) -> None:
    program = "import queen, importlib.metadata as m; print(m.version('queen-mq'), queen.__file__)"
    version, file = says(published.python, program).split(" ", 1)
    assert version == published.version
    assert Path(file).is_relative_to(published.python.parents[1])


def test_an_environment_is_made_once(lock: Path, tmp_path: Path) -> None:
    python = python_with(lock, tmp_path / "kept")
    made = python.parents[1].stat()
    assert says(python, "import thing; print(thing.VALUE)") == "42"
    assert python_with(lock, tmp_path / "kept") == python
    assert python.parents[1].stat() == made


def test_what_an_interrupted_run_left_is_not_used(lock: Path, tmp_path: Path) -> None:
    left = tmp_path / "kept" / "half-made" / "bin" / "python"
    left.parent.mkdir(parents=True)
    left.write_text("not a Python")
    assert says(python_with(lock, tmp_path / "kept"), "print(1)") == "1"
    assert not left.exists()


def test_another_lock_is_another_environment(lock: Path, tmp_path: Path) -> None:
    before = python_with(lock, tmp_path / "kept")
    with lock.open("a") as file:
        file.write("# changed\n")
    assert python_with(lock, tmp_path / "kept") != before


def test_what_cannot_be_installed_leaves_no_environment(lock: Path, tmp_path: Path) -> None:
    lock.write_text(lock.read_text().replace("sha256:", "sha256:0000")[: -len("0000\n")] + "\n")
    with pytest.raises(NotInstalled, match="thing"):
        python_with(lock, tmp_path / "kept")
    assert [path.name for path in (tmp_path / "kept").iterdir() if path.name.startswith("thing")] == []
