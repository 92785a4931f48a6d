"""The page in a real browser: from Locust's form to two runs side by side, with the pool changed between.

Leaves its screenshots in tests/artefacts/, light and dark, for people to look at.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from tests.commands.test_load import queen_load
from tests.conftest import skip_unless_ci

ARTEFACTS = Path(__file__).parents[1] / "artefacts"
DEADLINE_MS = 60_000  # of each expectation: a busy machine
TEST_TIMEOUT_S = 240
FORM = {
    "userCount": "3",
    "spawnRate": "3",
    "batch": "5",
    "interval": "50",
    "warmUp": "0",
    "consumers": "0.34",
}
STARTED_WITH, CHANGED_TO = 20, 7
PANELS = (
    *("pool", "wait", "boarding", "states", "waits", "inserts", "pushed", "depth", "lag"),
    *("latency", "in_flight", "not_sent", "generator"),
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        skip_unless_ci("chromium is not installed (apt-get install chromium)")
    expect.set_options(timeout=DEADLINE_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])  # for root
        yield launched
        launched.close()


@dataclass
class Seen:
    """What the browser asked for and complained about."""

    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        context.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        context.on(
            "console", lambda line: self.complaints.append(line.text) if line.type == "error" else None
        )
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with queen_load(
        "reasonable", "--pool", str(STARTED_WITH), cwd=tmp_path_factory.mktemp("load")
    ) as process:
        yield announced(process)


def announced(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    found = re.match(r"(http://\S+) ", process.stdout.readline())
    assert found is not None
    return found[1]


@pytest.mark.timeout(TEST_TIMEOUT_S)
def test_two_runs_from_the_form_with_another_pool_in_between_stand_side_by_side(
    browser: Browser, address: str
) -> None:
    seen = Seen()
    with browser.new_context(viewport={"width": 1440, "height": 1000}) as context:
        seen.watch(context)
        locust, ours = context.new_page(), context.new_page()
        ours.goto(f"{address}/queen")
        expect(ours.locator("#pool-size")).to_have_value(str(STARTED_WITH))

        refused_by_the_form(locust, address)
        expect(ours.locator("#state")).to_have_text("ready")
        start_by_the_form(locust, address)
        assert_charts_move(ours)
        expect(ours.locator("#pool-change")).to_be_disabled()
        keep(ours, "page-running-light")
        ours.emulate_media(color_scheme="dark")
        keep(ours, "page-running-dark")
        ours.emulate_media(color_scheme="light")
        assert_tab_draws(locust)
        keep(locust, "tab-light")
        assert_tab_follows_locusts_theme(locust)
        keep(locust, "tab-dark")
        stop(locust)
        expect(ours.locator("#runs tbody tr")).to_have_count(1)
        expect(ours.locator("#account-verdict")).to_have_text(re.compile(r"yes: [\d,]+ in the table"))

        ours.fill("#pool-size", str(CHANGED_TO))
        ours.click("#pool-change")
        expect(ours.locator("#pool-text")).to_have_text(f"the server runs with a pool of {CHANGED_TO}")
        expect(ours.locator("#tile-limit")).to_have_text(f"limit {CHANGED_TO}")

        start_by_the_form(locust, address)
        assert_charts_move(ours)
        stop(locust)
        rows = ours.locator("#runs tbody tr")
        expect(rows).to_have_count(2)
        for row, pool in enumerate((STARTED_WITH, CHANGED_TO)):
            expect(cell(ours, row, "pool")).to_have_text(str(pool))
            expect(cell(ours, row, "accounted for")).to_have_text(re.compile("^yes"))
            expect(cell(ours, row, "generator")).to_have_text(
                re.compile(r"[\d.]+ % of its ceiling of [\d,]{4,} msg/s")
            )
        assert_limit_is_drawn_in_steps(ours)
        assert_nothing_is_cut_off(ours)
        keep(ours, "page-light")
        ours.emulate_media(color_scheme="dark")
        keep(ours, "page-dark")
        ours.set_viewport_size({"width": 600, "height": 1000})
        assert_nothing_is_cut_off(ours)
        keep(ours, "page-narrow-dark")
        ours.emulate_media(color_scheme="light")
        keep(ours, "page-narrow-light")
    assert seen.hosts == {urlsplit(address).netloc}
    assert seen.complaints == []


@pytest.mark.timeout(TEST_TIMEOUT_S)
def test_a_page_of_another_site_starts_nothing(browser: Browser, address: str) -> None:
    with browser.new_context() as context:
        foreign = context.new_page()
        field = '<input name="user_count" value="1">'
        foreign.set_content(f'<form method="post" action="{address}/swarm">{field}<button>x</button></form>')
        with foreign.expect_response("**/swarm") as answer:
            foreign.click("button")
        assert answer.value.status == 403
        state = foreign.request.get(f"{address}/queen/live").json()["state"]
        assert state in ("ready", "stopped")


def start_by_the_form(locust: Page, address: str) -> None:
    locust.goto(address)
    button = locust.get_by_role("button", name=re.compile("^(new|start)$", re.IGNORECASE))
    expect(button.first).to_be_visible()
    if button.first.inner_text().lower() == "new":
        button.first.click()
    locust.get_by_role("button", name="Custom parameters").click()
    for name, value in FORM.items():
        locust.locator(f"input[name={name}]").fill(value)
    locust.get_by_role("button", name=re.compile("^start$", re.IGNORECASE)).click()
    expect(stop_button(locust)).to_be_visible()


def refused_by_the_form(locust: Page, address: str) -> None:
    """A value that no run begins with is said in the form itself, which keeps what was typed."""
    locust.goto(address)
    locust.get_by_role("button", name="Custom parameters").click()
    locust.locator("input[name=rate]").fill("-5")
    locust.get_by_role("button", name=re.compile("^start$", re.IGNORECASE)).click()
    expect(locust.get_by_role("alert")).to_have_text("--rate -5: expected 0 or more")
    expect(locust.locator("input[name=rate]")).to_have_value("-5")


def stop(locust: Page) -> None:
    stop_button(locust).click()
    expect(stop_button(locust)).to_be_hidden()


def stop_button(locust: Page) -> Locator:
    return locust.get_by_role("button", name=re.compile("^stop", re.IGNORECASE))


def assert_charts_move(ours: Page) -> None:
    """A line of each source is drawn, and is another one soon after."""
    for panel in PANELS:
        line = ours.locator(f"[data-panel={panel}] svg path:not(.limit)").first
        expect(line).to_have_attribute("d", re.compile("L"))
        drawn = line.get_attribute("d")
        assert drawn is not None
        expect(line).not_to_have_attribute("d", drawn)
    expect(ours.locator("[data-panel=pool] .limit-label")).to_have_text(re.compile(r"limit \d+"))
    expect(ours.locator("[data-account=acknowledged]")).to_have_text(re.compile("[1-9]"))


def assert_limit_is_drawn_in_steps(ours: Page) -> None:
    """It was 20, then 7, and nothing in between."""
    drawn = ours.locator("[data-panel=pool] svg .limit").get_attribute("d")
    assert drawn is not None
    assert "V" in drawn
    assert "L" not in drawn


def assert_nothing_is_cut_off(ours: Page) -> None:
    """Every column of the runs is within the window, the last one too."""
    width = ours.evaluate("document.documentElement.clientWidth")
    edges = ours.locator("#runs tbody td").evaluate_all(  # at once: the table is drawn anew each second
        "cells => cells.map(cell => cell.getBoundingClientRect()).map(box => [box.left, box.right])"
    )
    assert edges
    for left, right in edges:
        assert left >= 0
        assert right <= width


def assert_tab_draws(locust: Page) -> None:
    locust.get_by_role("tab", name="Queen pool").click()
    line = locust.locator("#queen-tab [data-panel=pool] svg path:not(.limit)").first
    expect(line).to_have_attribute("d", re.compile("L"))
    locust.get_by_role("tab", name="Statistics").click()
    expect(locust.locator("#queen-tab")).to_be_hidden()
    locust.get_by_role("tab", name="Queen pool").click()
    expect(locust.locator("#queen-tab")).to_be_visible()


def assert_tab_follows_locusts_theme(locust: Page) -> None:
    """Locust's own switch, whatever the system says."""
    charts = locust.locator("#queen-tab")
    expect(charts).to_have_css("color-scheme", "light")
    locust.locator("header button").last.click()
    expect(charts).to_have_css("color-scheme", "dark")


def cell(ours: Page, row: int, title: str) -> Locator:
    titles = ours.locator("#runs th").all_inner_texts()
    return ours.locator("#runs tbody tr").nth(row).locator("td").nth(titles.index(title))


def keep(page: Page, name: str) -> None:
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=True)
