"""One synthetic run and its verdict for all tests that only read."""

from pathlib import Path

import pytest

from reports import dataset
from reports.dataset import Dataset
from reports.judge import judge
from reports.page import build, figures
from reports.verdict import Verdict
from tests.reports.synthetic import write_run


@pytest.fixture(scope="session")
def run_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="session")
def loaded(run_directory: Path) -> Dataset:
    return dataset.load([run_directory])


@pytest.fixture
def without_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what a page says in words: its charts take seconds of computing."""
    monkeypatch.setattr(figures, "draw_all", lambda *_: ())


@pytest.fixture(scope="session")
def verdict(loaded: Dataset) -> Verdict:
    return judge(loaded)


@pytest.fixture(scope="session")
def page(loaded: Dataset, verdict: Verdict) -> str:
    """The whole report of the run."""
    return build.render(loaded, verdict)
