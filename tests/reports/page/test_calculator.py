"""The page's calculator in a real browser: it promises nothing that the table beside it refutes."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from reports.verdict import CellFigures, Curve, Verdict
from tests.conftest import skip_unless_ci


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        skip_unless_ci("chromium is not installed (apt-get install chromium)")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])  # for root
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def report(page: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calculator") / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


@pytest.fixture
def shown(browser: Browser, report: Path) -> Iterator[Page]:
    page = browser.new_page()
    page.goto(report.as_uri())
    yield page
    page.close()


@pytest.fixture
def far(verdict: Verdict) -> Curve:
    (found,) = [
        one for one in verdict.curves if (one.factors.strategy, one.factors.db_rtt_ms) == ("sequential", 2)
    ]
    return found


def figure(page: Page, name: str) -> float:
    return float((page.text_content(f"#{name}-result") or "").replace(",", ""))


def hold_ms(seen: CellFigures | None) -> float:
    assert seen is not None and seen.loans is not None
    return seen.loans.hold_ms


def test_it_opens_with_the_busy_connections_of_a_pool_that_carried_the_load(shown: Page, far: Curve) -> None:
    assert far.knee is not None
    opening = far.at(far.knee.pool)
    assert opening is not None and opening.loans is not None
    assert float(shown.input_value("[name=rate]")) == int(opening.pushes_per_s)
    assert figure(shown, "hold") == pytest.approx(hold_ms(opening), rel=0.01)
    assert figure(shown, "needed") == pytest.approx(opening.loans.busy, rel=0.02)
    told = shown.text_content("#measured-result") or ""
    assert (
        f"Measured here (sequential, 2.38 ms round trip): {int(opening.pushes_per_s):,}/s at pool 50" in told
    )


def test_a_smaller_load_has_the_hold_time_of_the_smallest_pool_that_carried_it(
    shown: Page, far: Curve
) -> None:
    smaller = far.at(5)
    assert smaller is not None
    shown.fill("[name=rate]", str(int(smaller.pushes_per_s)))
    assert figure(shown, "hold") == pytest.approx(hold_ms(smaller), rel=0.01)


def test_a_load_that_no_pool_carried_is_said_to_be_out_of_reach(shown: Page, far: Curve) -> None:
    most = max(far.cells, key=lambda seen: seen.pushes_per_s)
    shown.fill("[name=rate]", str(int(most.pushes_per_s) + 1))
    told = shown.text_content("#measured-result") or ""
    assert told.startswith("Not reached here (sequential, 2.38 ms round trip): at most ")
    assert f"{int(most.pushes_per_s):,}/s at pool {most.cell.pool}" in told


def test_another_round_trip_changes_the_hold_time_by_the_statements_alone(shown: Page, far: Curve) -> None:
    opening = figure(shown, "hold")
    statements = float(shown.input_value("[name=statements]"))
    shown.fill("[name=rtt]", str(float(shown.input_value("[name=rtt]")) + 10))
    assert figure(shown, "hold") == pytest.approx(opening + 10 * statements, rel=0.01)


def test_a_hold_time_of_ones_own_is_used_as_it_is(shown: Page) -> None:
    shown.fill("[name=rate]", "100")
    shown.fill("[name=hold]", "70")
    assert (figure(shown, "needed"), figure(shown, "pool")) == (7, 10)
