"""Every page with its panels open: accessible, within the window, and of this origin alone."""

import itertools
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.browser import chromium
from tests.e2e.support.fixtures import FollowedStudy
from tests.e2e.support.node import Node

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

LIMIT_MS = 60_000
PARTS = (
    "node",
    "peers",
    "deliveries",
    "conflicts",
    "rules",
    "models",
    "webhooks",
    "users",
    "audit",
)


@pytest.fixture
def page() -> Iterator[Page]:
    # A page that does not exist is asked for on purpose.
    with chromium("status of 404") as page:
        yield page


def list_with_menus(page: Page) -> None:
    expect(page.get_by_test_id("study-row").first).to_be_visible(timeout=LIMIT_MS)
    for menu in ("filter-modality", "filter-state", "filter-report", "views", "columns"):
        page.get_by_test_id(menu).locator("summary").click()
    page.get_by_test_id("study-row").first.get_by_role("link").first.focus()
    page.keyboard.press("ArrowRight")


def reader_with_panels(page: Page) -> None:
    page.get_by_test_id("finding-value").first.click(timeout=LIMIT_MS)
    expect(page.get_by_test_id("finding-detail")).to_be_visible()
    expect(page.get_by_test_id("mask").first).to_be_visible(timeout=LIMIT_MS)
    page.get_by_test_id("mask").first.locator("li button[aria-expanded]").first.click()
    page.locator("details > summary").filter(has_text="Run a pipeline").click()


def report_with_panels(page: Page) -> None:
    page.get_by_role("tab", name="Report").click(timeout=LIMIT_MS)
    panel = page.get_by_test_id("report-panel")
    for part in ("versions", "similar"):
        panel.get_by_test_id(part).locator("summary").click()
    panel.get_by_role("button", name="Edit", exact=True).or_(
        panel.get_by_role("button", name="Amend…")
    ).first.click()
    page.get_by_label("Source").select_option("file")


def keys(page: Page) -> None:
    expect(page.get_by_test_id("study-row").first).to_be_visible(timeout=LIMIT_MS)
    page.keyboard.press("?")
    expect(page.get_by_test_id("key-help")).to_be_visible()


def nothing(page: Page) -> None:
    expect(page.get_by_role("heading").first).to_be_visible(timeout=LIMIT_MS)


def visits(followed: FollowedStudy) -> Iterator[tuple[str, Callable[[Page], None]]]:
    study = f"/study/?study={followed.study.study_instance_uid}"
    yield "/", list_with_menus
    yield "/", keys
    yield "/search/?q=brain", nothing
    yield "/text/", nothing
    yield study, reader_with_panels
    yield study, report_with_panels
    yield "/no-such-page/", nothing
    for part in PARTS:
        yield f"/admin/?part={part}", nothing


@pytest.mark.slow
def test_every_page_is_accessible_fits_and_asks_nobody_else(
    followed: FollowedStudy, node: Node, page: Page
) -> None:
    origins: set[str] = set()
    page.on("request", lambda request: origins.add(origin_of(request.url)))
    page.set_viewport_size({"width": 1280, "height": 800})
    node.wait_for(lambda: node.get(followed.study_path)["reports"], "the draft", 60)
    found: list[str] = []
    for path, prepare in visits(followed):
        page.goto(f"{node.url}{path}")
        prepare(page)
        where = f"{path.partition('?')[0]} {prepare.__name__}"
        found += [f"{where}: {one}" for one in serious_findings(page)]
        if prepare in (list_with_menus, reader_with_panels):
            page.evaluate("document.documentElement.dataset.theme = 'light'")
            found += [f"{where}, light: {one}" for one in serious_findings(page)]
        wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wider > 0:
            found.append(f"{where}: {wider} pixels wider than the window")
    assert found == []
    assert origins <= {node.url, "blob:", "data:"}


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return (
        f"{parts.scheme}:"
        if parts.scheme in ("blob", "data")
        else f"{parts.scheme}://{parts.netloc}"
    )


def test_the_focus_is_seen_and_goes_on_in_the_order_of_reading(
    followed: FollowedStudy, node: Node, page: Page
) -> None:
    page.goto(node.url)
    expect(page.get_by_test_id("study-row").first).to_be_visible(timeout=LIMIT_MS)
    places = []
    for _ in range(12):
        page.keyboard.press("Tab")
        places.append(
            page.evaluate(
                """() => {
                    const at = document.activeElement, box = at.getBoundingClientRect();
                    const style = getComputedStyle(at), around = getComputedStyle(at.parentElement);
                    const seen = style.outlineStyle !== "none"
                        || around.borderColor !== getComputedStyle(document.body).borderColor;
                    return {top: box.top, left: box.left, name: at.outerHTML.slice(0, 120), seen};
                }"""
            )
        )
    assert [one["name"] for one in places if not one["seen"]] == []
    # Rows of a page are some twenty pixels apart; within one the focus goes to the right.
    back = [
        after["name"]
        for before, after in itertools.pairwise(places)
        if after["top"] < before["top"] - 20
    ]
    assert back == []
