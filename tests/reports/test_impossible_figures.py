"""A figure that no run gives is refused by file and field, or does no harm: no statistic breaks down."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from loadtests.results import ResultError, RunFiles
from reports import dataset, tables, terminal, wording
from reports.judge import judge
from tests.reports.synthetic import Law, World, write_run

IMPOSSIBLE = ("-1", "0", "1e-300", "1e15", "-1e15", "1000000000000000", "1e300", "NaN", "Infinity")
LAWS = {("coalesce", 0.0): Law(5_000, 0.5), ("batch", 2.0): Law(500, 0.02)}
MARK = '"another figure"'
Place = tuple[str | int, ...]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two blocks of two pools, closed and open, without samples."""
    world = World(laws=LAWS, pools=(1, 5), blocks=2, timeout_pools=(1, 2), sample_files=False)
    return write_run(tmp_path_factory.mktemp("impossible"), world)


def numbers(value: Any, place: Place = ()) -> Iterator[Place]:
    """Where in a decoded file a number stands, or one is not known."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from numbers(inner, (*place, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from numbers(inner, (*place, index))
    elif value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        yield place


def with_figure(text: str, place: Place, figure: str) -> str:
    """The file with `figure`, which need be no JSON, at a place."""
    content = json.loads(text)
    inner = content
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = json.loads(MARK)
    return json.dumps(content).replace(MARK, figure)


@pytest.mark.parametrize("figure", IMPOSSIBLE)
@pytest.mark.parametrize("which", ["manifest", "coalesce", "timeouts"])
def test_every_number_of_a_run_may_be_impossible(run: Path, which: str, figure: str) -> None:
    files = RunFiles(run)
    path = files.manifest if which == "manifest" else sorted(files.trials.glob(f"*{which}*/trial.json"))[0]
    text = path.read_text()
    places = list(numbers(json.loads(text)))
    assert places
    try:
        for place in places:
            path.write_text(with_figure(text, place, figure))
            with suppress(ResultError):
                verdict = judge(dataset.load([run]))
                assert wording.headline(verdict)
                assert tables.table(verdict.curves, verdict.silent) is not None
                assert terminal.as_json(verdict, path)
    finally:
        path.write_text(text)
