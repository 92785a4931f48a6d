"""Programs from Debian: which are missing, and that an installation that fails stops nothing."""

import os
from pathlib import Path

import pytest

from house import debian

NOTING = """#!/bin/sh
echo "$DEBIAN_FRONTEND $*" >> "{notes}"
echo "E: no such package" >&2
exit {code}
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    return programs


def put(path: Path, name: str, code: int = 0) -> Path:
    notes = path.parent / "notes"
    program = path / name
    program.write_text(NOTING.format(notes=notes, code=code))
    program.chmod(0o755)
    return notes


def test_what_is_missing_is_named_by_its_package(path: Path) -> None:
    programs = {"one": "package-one", "two": "package-two"}
    assert debian.missing(programs) == ["package-one", "package-two"]
    put(path, "one")
    assert debian.missing(programs) == ["package-two"]


def test_root_installs_with_apt(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    notes = put(path, "apt-get")
    assert debian.install(["wrk"])
    assert notes.read_text().splitlines() == [
        "noninteractive -qq update",
        "noninteractive -qq install --yes --no-install-recommends wrk",
    ]


def test_a_failure_is_told_with_its_reason(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    put(path, "apt-get", code=100)
    assert not debian.install(["wrk"])
    assert (
        "apt-get update failed, so some tests will be skipped: E: no such package" in capsys.readouterr().err
    )


@pytest.mark.parametrize(("user", "apt"), [(1000, True), (0, False)], ids=["not root", "no apt"])
def test_who_cannot_install_does_not_try(
    path: Path, monkeypatch: pytest.MonkeyPatch, user: int, apt: bool
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    notes = put(path, "apt-get") if apt else path / "notes"
    assert not debian.install(["wrk"])
    assert not notes.exists()


def test_nothing_missing_is_nothing_to_do(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    notes = put(path, "apt-get")
    assert not debian.install([])
    assert not notes.exists()
