"""Every run gets a directory of its own."""

import errno
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from loadtests.results import RunFiles
from loadtests.runs.directory import expect_writable, filled, new_run, run_id
from queen.errors import SettingsError, UserError

STARTED = datetime(2026, 11, 25, 3, 15, tzinfo=UTC)


def test_runs_sort_by_time_and_have_no_odd_characters() -> None:
    assert run_id("Pool size, quick!", STARTED) == "20261125T031500Z-pool-size-quick"
    assert run_id("../💥", STARTED) == "20261125T031500Z-run"


def test_runs_of_one_second_do_not_share_a_directory(tmp_path: Path) -> None:
    names = [new_run(tmp_path / "results", "load", STARTED).root.name for _ in range(3)]
    assert names == [f"20261125T031500Z-load{suffix}" for suffix in ("", "-2", "-3")]


def test_a_place_that_is_no_directory_is_one_clear_line(tmp_path: Path) -> None:
    file = tmp_path / "results"
    file.touch()
    with pytest.raises(UserError, match=r"results/.*: Not a directory"):
        new_run(file, "load", STARTED)


def test_a_place_where_runs_can_be_made_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    for place in (tmp_path / "results", tmp_path / "not" / "yet"):
        expect_writable(place)
    assert [path.name for path in tmp_path.rglob("*")] == ["results"]


@pytest.mark.parametrize("name", ["file", "file/below", "dangling", "n" * 300, "nul\0"])
def test_a_place_where_none_can_be_made_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(SettingsError) as error:
        expect_writable(tmp_path / name)
    assert "\n" not in str(error.value)
    assert "\0" not in str(error.value)


def fill(run: RunFiles, file: Path, error: Exception) -> None:
    """Write one file of a run, then fail."""
    with filled(run):
        file.touch()
        raise error


def test_of_a_run_that_never_began_nothing_stays(tmp_path: Path) -> None:
    run = new_run(tmp_path, "load", STARTED)
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "samples.csv")
    with pytest.raises(UserError, match=r"samples\.csv: No space left on device"):
        fill(run, run.experiment, full)
    assert list(tmp_path.iterdir()) == []


def test_what_a_run_wrote_before_it_failed_stays(tmp_path: Path) -> None:
    run = new_run(tmp_path, "load", STARTED)
    with pytest.raises(KeyError):
        fill(run, run.manifest, KeyError())
    assert run.manifest.exists()
