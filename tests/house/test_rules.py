"""Rules that hold for the whole tree and that no other tool checks."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import bootstrap
from tests.house.conftest import ROOT

MOST_OF_A_LINE = 120  # characters, of a document
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
# Written in pieces, so that this file keeps the rule that it checks.
INDEX_HOSTS = re.compile(r"py" r"pi\.org|python" r"hosted\.org|//[^/\s]*/simple\b", re.IGNORECASE)
CONFLICT = re.compile(r"^(?:<{7} |>{7} |={7}$)", re.MULTILINE)
INDEX_OPTIONS = re.compile(r"^\s*--?(extra-index-url|index-url|find-links|trusted-host)\b", re.MULTILINE)


def tracked_texts() -> Iterator[tuple[str, str]]:
    """Name and text of every file under version control."""
    listing = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        path = ROOT / name
        if path.is_file():
            yield name, path.read_bytes().decode("utf-8", errors="ignore")


def dependencies() -> list[Requirement]:
    project = PYPROJECT["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    return [Requirement(line) for line in (*project["dependencies"], *extras)]


def locked_versions() -> dict[str, set[str]]:
    versions: dict[str, set[str]] = {}
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if found := re.match(r"([\w.-]+)==([^\s;\\]+)", line):
            versions.setdefault(canonicalize_name(found[1]), set()).add(found[2])
    return versions


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


def documents() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def written_by_hand() -> list[Path]:
    """Documents that no program makes (tests/conformance/document.py)."""
    return [ROOT / "CHANGELOG.md", *(path for path in documents() if path.name != "contract.md")]


def test_no_merge_has_left_its_marks() -> None:
    assert [name for name, text in tracked_texts() if CONFLICT.search(text)] == []


# ------------------------------------------------------------------ where packages come from


def test_no_file_names_a_package_index() -> None:
    named = [name for name, text in tracked_texts() if INDEX_HOSTS.search(text) or INDEX_OPTIONS.search(text)]
    assert named == []


@pytest.mark.parametrize("requirement", dependencies(), ids=str)
def test_the_lock_answers_every_dependency(requirement: Requirement) -> None:
    versions = locked_versions().get(canonicalize_name(requirement.name), set())
    assert versions, f"run `make lock`: {requirement.name} is not locked"
    assert all(requirement.specifier.contains(version) for version in versions)


def test_every_locked_package_has_a_hash() -> None:
    blocks = re.split(
        r"^(?=\S)", (ROOT / "requirements.lock").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert [block.split()[0] for block in blocks if block.strip() and "--hash=sha256:" not in block] == []


def test_the_set_up_needs_only_the_standard_library() -> None:
    for path in (ROOT / "bootstrap.py", *(ROOT / "house").glob("*.py")):
        foreign = {name.partition(".")[0] for name in imported_modules(path)} - {
            *sys.stdlib_module_names,
            "house",
        }
        assert foreign == set(), path.name


# ------------------------------------------------------------------ rooms


def test_every_room_of_the_server_is_under_a_contract() -> None:
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]
    sources = {module for contract in contracts for module in contract.get("source_modules", ())}
    rooms = {f"queen.{path.parent.name}" for path in (ROOT / "queen").glob("*/__init__.py")}
    assert rooms - sources == {"queen.commands"}, "name the new room in pyproject.toml's contracts"


def test_every_room_of_the_load_has_its_place_in_the_order_of_layers() -> None:
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]
    (order,) = (each["layers"] for each in contracts if each.get("containers") == ["loadtests.load"])
    placed = {room for layer in order for room in layer.split(" : ")}
    rooms = {path.parent.name for path in (ROOT / "loadtests" / "load").glob("*/__init__.py")}
    assert rooms - placed == {"options"}, "name the new room in pyproject.toml's layers"


# ------------------------------------------------------------------ what documents promise


def test_makefile_and_bootstrap_have_the_same_targets() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    listed = re.search(r"^TARGETS := (.+)$", makefile, re.MULTILINE)
    assert listed is not None
    assert set(listed[1].split()) == bootstrap.TARGETS.keys()


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)
def test_commands_in_documents_exist(document: Path) -> None:
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", document.read_text(encoding="utf-8"), re.DOTALL))
    targets = re.findall(r"\b(?:make|bootstrap\.py) ([a-z]+)\b", code)
    assert set(targets) <= bootstrap.TARGETS.keys()
    commands = re.findall(r"(?:^|[`$;/] ?)queen ([a-z]+)\b", code, re.MULTILINE)
    assert set(commands) <= PYPROJECT["project"]["entry-points"]["queen.commands"].keys()


@pytest.mark.parametrize("document", written_by_hand(), ids=lambda path: path.name)
def test_lines_of_documents_are_short(document: Path) -> None:
    """But for tables, whose rows cannot be broken."""
    lines = enumerate(document.read_text(encoding="utf-8").splitlines(), 1)
    assert [n for n, line in lines if len(line) > MOST_OF_A_LINE and not line.startswith("|")] == []


def test_the_readme_shows_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make bench" in readme
    assert "make test" in readme


def test_continuous_integration_runs_what_everyone_runs() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert script.splitlines()[-1] == "exec make test"
    assert "export CI=true" in script
