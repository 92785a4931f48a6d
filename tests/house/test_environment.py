"""When `.venv` is taken as it is, brought up to date, or made anew."""

from pathlib import Path

import pytest

from house.environment import Checkout, SetupError, State, locked_block

LOCK = """\
uvicorn==1.0 \\
    --hash=sha256:aa
uv==0.9 ; sys_platform != 'emscripten' \\
    --hash=sha256:bb \\
    --hash=sha256:cc
uvloop==0.2 \\
    --hash=sha256:dd
"""


@pytest.fixture
def finished(tmp_path: Path) -> Checkout:
    checkout = Checkout(tmp_path)
    checkout.lock.write_text(LOCK)
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    checkout.bin.mkdir(parents=True)
    checkout.python.touch()
    checkout.stamp.write_text(checkout.expected_stamp())
    return checkout


def test_a_finished_environment_is_ready(finished: Checkout) -> None:
    assert finished.state() is State.READY


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
def test_a_change_of_what_to_install_makes_it_stale(finished: Checkout, changed: str) -> None:
    with (finished.root / changed).open("a") as file:
        file.write("# another line\n")
    assert finished.state() is State.STALE


def test_bytes_that_move_from_one_file_to_the_other_are_a_change(finished: Checkout) -> None:
    pyproject = finished.root / "pyproject.toml"
    finished.lock.write_text(LOCK + pyproject.read_text())
    pyproject.write_text("")
    assert finished.state() is State.STALE


def test_an_interrupted_environment_is_unusable(finished: Checkout) -> None:
    finished.stamp.unlink()
    assert finished.state() is State.UNUSABLE


def test_an_environment_whose_python_is_gone_is_unusable(finished: Checkout) -> None:
    finished.python.unlink()
    finished.python.symlink_to(finished.root / "uninstalled")
    assert finished.state() is State.UNUSABLE


def test_an_environment_of_another_python_is_unusable(finished: Checkout) -> None:
    finished.stamp.write_text("3.11.0 /another/python" + finished.stamp.read_text())
    assert finished.state() is State.UNUSABLE


def test_an_environment_that_was_moved_is_unusable(finished: Checkout, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in (".venv", "requirements.lock", "pyproject.toml"):
        (finished.root / name).rename(moved / name)
    assert Checkout(moved).state() is State.UNUSABLE


def test_the_block_of_a_package_is_its_requirement_and_all_its_hashes() -> None:
    assert locked_block(LOCK, "uv") == (
        "uv==0.9 ; sys_platform != 'emscripten' \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
    )


def test_the_last_block_ends_with_the_file() -> None:
    assert locked_block(LOCK, "uvloop") == "uvloop==0.2 \\\n    --hash=sha256:dd\n"


def test_a_lock_without_the_package_says_how_to_get_it_back() -> None:
    with pytest.raises(SetupError, match="does not hold uv; get it back"):
        locked_block("asyncpg==0.32.0 \\\n    --hash=sha256:aa\n", "uv")
