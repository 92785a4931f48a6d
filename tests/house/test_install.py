"""Real installations into a small checkout, without a network."""

import fcntl
import json
import subprocess

from house.environment import State
from tests.house.conftest import BASE_PYTHON, SmallCheckout


def test_uv_installs_the_lock_and_then_this_project_from_where_pip_looks(small: SmallCheckout) -> None:
    done = small.run("setup")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    sync, install = (json.loads(line) for line in small.notes.read_text().splitlines())
    assert sync["arguments"][:3] == ["pip", "sync", "--no-index"]
    assert sync["arguments"][-2:] == ["--require-hashes", str(small.checkout.lock)]
    assert install["arguments"][-4:] == ["--no-deps", "--no-build-isolation", "--editable", "."]
    assert sync["index"] == install["index"] == small.environ["PIP_FIND_LINKS"]


def test_the_second_run_does_nothing_and_a_changed_lock_updates_in_place(small: SmallCheckout) -> None:
    small.run("setup")
    again = small.run("setup")
    assert (again.returncode, again.stderr, small.uv_calls()) == (0, "", ["sync", "install"])
    (small.checkout.venv / "kept").touch()
    with small.checkout.lock.open("a") as lock:
        lock.write("# another line\n")
    changed = small.run("setup")
    assert (changed.returncode, small.uv_calls()) == (0, ["sync", "install"] * 2), changed.stderr
    assert (small.checkout.venv / "kept").exists()


def test_what_an_interruption_left_is_made_anew(small: SmallCheckout) -> None:
    left_over = small.checkout.venv / "lib" / "half-a-package.py"
    left_over.parent.mkdir(parents=True)
    left_over.touch()
    done = small.run("setup")
    assert done.returncode == 0, done.stderr
    assert not left_over.exists()
    assert small.checkout.python.exists()


def test_pip_takes_over_where_uv_fails(small: SmallCheckout) -> None:
    done = small.run("setup", UV_EXIT_CODE="3")
    assert done.returncode == 0, done.stderr
    assert "uv failed with exit code 3" in done.stderr
    program = "import dependency, importlib.metadata as m; print(dependency.VALUE, m.version('checkout'))"
    shown = subprocess.run(
        [small.checkout.python, "-c", program], capture_output=True, text=True, check=True, cwd="/"
    )
    assert shown.stdout == "42 1\n"


def test_a_file_that_is_not_the_locked_one_is_refused(small: SmallCheckout) -> None:
    lock = small.checkout.lock.read_text()
    first_hash = lock.partition("sha256:")[2][:64]
    small.checkout.lock.write_text(lock.replace(first_hash, "0" * 64))
    done = small.run("setup", UV_EXIT_CODE="3")
    assert done.returncode == 1
    assert "HASHES" in done.stderr
    assert not small.checkout.stamp.exists()


def test_a_python_with_neither_pip_nor_ensurepip_says_what_to_install(small: SmallCheckout) -> None:
    stand_in = small.checkout.root / "no-ensurepip"
    stand_in.mkdir()
    (stand_in / "ensurepip.py").write_text("raise SystemExit(1)\n")
    done = small.run("setup", python=(BASE_PYTHON, "-S"), PYTHONPATH=str(stand_in))
    assert done.returncode == 1
    assert done.stderr.splitlines()[1:] == [
        "queen: this Python has neither pip nor ensurepip; on Debian or Ubuntu: apt install python3-venv"
    ]


def test_two_set_ups_at_once_install_once(small: SmallCheckout) -> None:
    both = [small.start("setup"), small.start("setup")]
    for process in both:
        _, errors = process.communicate(timeout=50)
        assert process.returncode == 0, errors
    assert small.uv_calls() == ["sync", "install"]


def test_a_set_up_waits_for_the_one_that_holds_the_lock(small: SmallCheckout) -> None:
    with (small.checkout.root / ".venv.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        process = small.start("setup")
        assert process.stderr is not None
        assert "waiting for another set-up" in process.stderr.readline()
        assert small.checkout.state() is State.UNUSABLE
    _, errors = process.communicate(timeout=50)
    assert process.returncode == 0, errors
