"""The manifest names the commit of our own source and of nobody else's."""

import subprocess
from pathlib import Path

from loadtests.runs.manifest import git_commit

COMMIT = ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "first")


def git(directory: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", directory, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_source_that_git_knows_has_a_commit_and_says_when_it_differs(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    source = tmp_path / "package" / "module.py"
    source.parent.mkdir()
    source.write_text("x = 1")
    git(tmp_path, "add", ".")
    git(tmp_path, *COMMIT)
    head = git(tmp_path, "rev-parse", "HEAD")
    assert git_commit(source.parent) == head
    source.write_text("x = 2")
    assert git_commit(source.parent) == f"{head}+changes"


def test_installed_below_somebody_elses_tree_it_has_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, *COMMIT)
    installed = tmp_path / "venv" / "site-packages"
    installed.mkdir(parents=True)
    (installed / "module.py").touch()
    assert git_commit(installed) is None
