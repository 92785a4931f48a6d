"""The page stands alone, says the finding first, and can be read without seeing the charts."""

import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from loadtests import results
from reports import dataset, wording
from reports.judge import judge
from reports.page import build, calculator, cards
from reports.verdict import Verdict
from tests.reports.synthetic import Law, World, write_run

VOID = {"meta", "link", "input", "br", "img", "hr"}


class Outline(HTMLParser):
    """Open tags in order, and whether every one was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def outline(page: str) -> Outline:
    parsed = Outline()
    parsed.feed(page)
    return parsed


def test_every_tag_is_closed_in_order(outline: Outline) -> None:
    assert outline.open == []


def test_nothing_is_fetched(page: str) -> None:
    links = re.findall(r'(?:src|href)="([^"]*)"|url\(([^)]*)\)|@import', page)
    targets = [target for pair in links for target in pair if target]
    assert targets
    assert all(target.startswith(("#", "data:")) for target in targets)


def test_ids_are_unique_and_references_lead_somewhere(outline: Outline, page: str) -> None:
    ids = [attributes["id"] for _, attributes in outline.seen if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in outline.seen:
        for name in ("aria-labelledby", "href", "xlink:href"):
            reference = (attributes.get(name) or "").removeprefix("#")
            assert not reference or reference.startswith("data:") or reference in ids


def test_tables_have_captions_and_scopes(outline: Outline) -> None:
    tags = [tag for tag, _ in outline.seen]
    assert tags.count("caption") == tags.count("table") > 0
    assert all("scope" in attributes for tag, attributes in outline.seen if tag == "th")


def test_the_finding_comes_before_every_figure(page: str, verdict: Verdict) -> None:
    assert page.index(wording.law(verdict)) < page.index("<table") < page.index("<svg")


def test_the_headline_leaves_the_sizes_to_the_cards(page: str, verdict: Verdict) -> None:
    headline = page.split('<p class="headline">')[1].split("</p>", maxsplit=1)[0]
    assert headline == wording.law(verdict)
    assert page.count('<li class="card">') == len(cards.cards(verdict.curves)) > 1


def test_a_latency_is_called_by_what_differs_in_its_part_alone(page: str) -> None:
    """The open loop's clients, time-out and rate are no factors of the closed one."""
    table = page.split("Latency percentiles as a table")[1].split("</table>", maxsplit=1)[0]
    groups = re.findall(r'<th scope="rowgroup"[^>]*>([^<]*)<', table)
    assert groups[:2] == ["capacity: sequential, local", "capacity: batch, local"]
    assert groups[-1] == "timeouts: sequential, local"


def test_a_setting_that_was_a_factor_is_told_as_one(page: str) -> None:
    told = dict(re.findall(r"<dt>([A-Z_]+)</dt><dd>([^<]*)</dd>", page))
    assert told["DB_POOL_SIZE"] == "1, 2, 5, 20 or 50 (a factor: each trial had one of them)"
    assert told["PUSH_STRATEGY"] == "batch or sequential (a factor: each trial had one of them)"
    assert told["NUM_WORKERS"] == "1"


def test_under_which_load_the_recommendations_were_found_stands_beside_them(page: str) -> None:
    told = (
        "Measured with pushes only, no consumers; tables empty at the start of each trial, after a "
        "CHECKPOINT; windows of 1.5 s; payloads of 300 bytes; 10 messages a push; 128 clients, each of which"
    )
    assert page.index('class="card"') < page.index(told) < page.index("<h3>What was found")


def test_charts_say_which_pushes_are_not_in_them(tmp_path: Path) -> None:
    run = write_run(tmp_path, World(sample_files=False))
    loaded = dataset.load([run])
    assert "Retry-After" not in build.render(loaded, judge(loaded))
    path = min(run.glob("trials/*-timeouts-sequential-rtt0-pool1-*/trial.json"))
    trial = results.read(path, results.Trial)
    load = msgspec.structs.replace(trial.load, requests_held=1_200)
    results.write(path, msgspec.structs.replace(trial, load=load))
    loaded = dataset.load([run])
    verdict = judge(loaded)
    due = next(found.due for found in verdict.timeouts if found.cell.pool == 1)
    text = build.render(loaded, verdict)
    assert f"never sent were 1,200 of {due:,} due pushes at pool 1." in text
    assert "Of acknowledged pushes alone: what was refused, or never sent, is in none." in text


def test_reader_finds_accounting_machine_and_command(page: str) -> None:
    assert "Every acknowledged message is stored" in page
    assert "Example CPU" in page
    assert "queen sweep --pool 1,5,20,50" in page
    assert "0123abc" in page


def test_markup_in_results_is_text(tmp_path: Path) -> None:
    world = World(run_id="run", blocks=1, timeouts_s={1: 5.0}, sample_files=False)
    run = write_run(tmp_path, world)
    for path in run.glob("trials/*/trial.json"):
        path.write_text(path.read_text().replace("timeout exceeded", "<script>alert(1)</script>"))
    loaded = dataset.load([run])
    assert "<script>alert" not in build.render(loaded, judge(loaded))


@pytest.mark.parametrize(
    "world",
    [
        World(blocks=1, timeout_pools=(), sample_files=False),
        World(pools=(20,), timeout_pools=(), sample_files=False),
        World(lost_in=1, interrupted=True),
    ],
    ids=["one block", "one pool", "broken and interrupted"],
)
def test_poor_runs_have_a_page_too(tmp_path: Path, world: World) -> None:
    loaded = dataset.load([write_run(tmp_path, world)])
    build.write(loaded, judge(loaded), tmp_path / "report.html")
    parsed = Outline()
    parsed.feed((tmp_path / "report.html").read_text())
    assert parsed.open == []


def test_a_cell_without_throughput_has_a_row_and_no_recommendation(tmp_path: Path) -> None:
    silent = frozenset({("batch", 2.0, 1, 0)})
    loaded = dataset.load([write_run(tmp_path, World(silent=silent, sample_files=False))])
    text = build.render(loaded, judge(loaded))
    assert "batch, 2 ms round trip: left out" in text
    assert "0 in 1 of 4 trials" in text


def test_a_remote_database_is_local_nowhere_on_the_page(tmp_path: Path) -> None:
    far = World(postgres_source="PG_HOST", direct_rtt_ms=8.0)
    loaded = dataset.load([write_run(tmp_path, far)])
    text = build.render(loaded, judge(loaded))
    assert "no round trip added (8 ms measured)" in text
    assert ", local" not in text and ">local" not in text and "local database" not in text


def test_one_load_on_a_server_that_is_not_ours_has_a_page(tmp_path: Path) -> None:
    """No pool, no strategy, no audit: what `queen load` leaves when it only knows an address."""
    run = write_run(tmp_path, World(pools=(5,), blocks=1, timeout_pools=()))
    for path in sorted(run.glob("trials/*/trial.json"))[1:]:
        path.unlink()
    (path,) = run.glob("trials/*/trial.json")
    trial = results.read(path, results.Trial)
    cell = msgspec.structs.replace(trial.cell, pool=None, strategy=None, loop="open", rate_msg_s=6_000.0)
    strange = msgspec.structs.replace(trial, part="load", cell=cell, pool=None, accounting=None, machine=None)
    results.write(path, strange)
    loaded = dataset.load([run])
    text = build.render(loaded, judge(loaded))
    assert "At an offered load" in text
    assert "Not known: nobody has checked" in text
    assert "No DB_POOL_SIZE is recommended" in text


def test_the_calculator_starts_with_what_was_measured(verdict: Verdict) -> None:
    """Hold time is 1000·busy/pushes: statements = its difference over that of the round trips."""
    sequential = calculator.presets(verdict.curves)[0]
    assert sequential.name == "sequential"
    assert sequential.statements == pytest.approx(13.7, rel=0.1)


def test_the_calculator_opens_with_a_load_that_was_carried_where_it_opens(verdict: Verdict) -> None:
    """Not with the local knee's: at the far round trip no pool may reach that."""
    (far,) = [
        one for one in verdict.curves if (one.factors.strategy, one.factors.db_rtt_ms) == ("sequential", 2)
    ]
    sequential = calculator.presets(verdict.curves)[0]
    assert far.knee is not None
    opening = far.at(far.knee.pool)
    assert opening is not None and opening.loans is not None
    assert sequential.rtt_ms == far.db_rtt_measured_ms
    assert sequential.pushes_per_s == opening.pushes_per_s
    assert sequential.measured[-4:] == tuple(
        calculator.Measured(sequential.rtt_ms, seen.cell.pool or 0, seen.pushes_per_s, seen.loans.hold_ms)
        for seen in far.cells
        if seen.loans is not None
    )


def test_the_calculator_divides_by_the_pushes_that_share_a_loan(tmp_path: Path) -> None:
    """The fewer of both round trips, and exactly 1 where every push borrows for itself."""
    laws = {
        (strategy, rtt_ms): Law(12_000 / (1 + rtt_ms), 0.9)
        for strategy in ("batch", "coalesce")
        for rtt_ms in (0.0, 2.0)
    }
    verdict = judge(dataset.load([write_run(tmp_path, World(laws=laws, sample_files=False))]))
    batch, coalesce = calculator.presets(verdict.curves)
    assert (batch.name, batch.pushes_per_loan) == ("batch", 1)
    assert coalesce.name == "coalesce"
    assert coalesce.pushes_per_loan == pytest.approx(30, rel=0.02)


def test_a_local_run_leaves_the_calculator_with_an_example(tmp_path: Path) -> None:
    local = World(laws={("batch", 0.0): World().laws["batch", 0.0]}, sample_files=False)
    verdict = judge(dataset.load([write_run(tmp_path, local)]))
    assert calculator.presets(verdict.curves) == (calculator.DEFAULT,)
