"""The main pages look as they did: where their landmarks, headings, fields and images lie.

`MEDIVIEW_KEEP_SCREENSHOT=1` writes geometry.json from the pages as they are.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from storage.reports.entities import ReportSection, ReportSentence
from tests import builders
from tests.api.access.closed import PASSWORD, ClosedNode
from tests.api.client import part10
from tests.e2e.support.browser import keep_screenshot
from tests.e2e.support.guarded import guarded_node, sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

_KEPT = Path(__file__).with_name("geometry.json")
# Letters of another version of a font are some pixels wider, and lines some higher.
_PIXELS = 12
_SHARE = 0.04

Boxes = dict[str, list[int]]
"""Left, top, width and height in pixels, by role and name."""

_BOXES = """() => {
  const roles = {
    HEADER: "banner", NAV: "navigation", MAIN: "main", ASIDE: "complementary", FORM: "form",
    TABLE: "table", H1: "heading", H2: "heading", INPUT: "field", SELECT: "field",
    TEXTAREA: "field",
  };
  const named = ["toolbar", "tablist", "tabpanel", "search", "grid"].map((one) => `[role=${one}]`);
  const kinds = [...Object.keys(roles), ...named, "[data-testid=viewport]"];
  // What stands in them decides how wide a heading is, and how high these are.
  const byContent = ["table", "main", "navigation"];
  const found = {};
  for (const one of document.querySelectorAll(kinds.join(","))) {
    const box = one.getBoundingClientRect();
    if (box.width < 2 || box.height < 2 || !one.checkVisibility()) continue;
    const isImage = one.dataset.testid === "viewport";
    const role = isImage ? "viewport" : one.getAttribute("role") ?? roles[one.tagName];
    const label = one.labels?.[0]?.textContent;
    const written = role === "heading" ? one.textContent : "";
    const name = one.getAttribute("aria-label") ?? label ?? written;
    const first = `${role} ${name.trim().slice(0, 40)}`.trim();
    let key = first;
    for (let number = 2; key in found; number += 1) key = `${first} #${number}`;
    const width = role === "heading" ? 0 : box.width;
    const height = byContent.includes(role) ? 0 : box.height;
    found[key] = [box.left, box.top, width, height].map(Math.round);
  }
  return found;
}"""


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[tuple[ClosedNode, str]]:
    with guarded_node(tmp_path) as closed:
        instances = builders.t1_head((4, 32, 32))
        for dataset in instances:
            closed.storage.ingest.accept(part10(dataset), "stow")
        study = str(instances[0].StudyInstanceUID)
        sentence = ReportSentence(
            "The ventricles are not widened.", basis="person", origin="person"
        )
        closed.storage.reports.offer(
            study,
            language="en",
            title="MRI of the head",
            sections=(ReportSection("Findings", (sentence,)),),
            basis_digest="1",
        )
        closed.storage.accounts.add("ada", PASSWORD, ["admin", "radiologist"])
        yield closed, study


def opened_images(page: Page) -> None:
    expect(page.get_by_test_id("viewport").first).to_have_attribute("data-image-rendered", "true")


def opened_report(page: Page) -> None:
    opened_images(page)
    page.get_by_role("tab", name="Report").click()
    expect(page.get_by_test_id("sentence-row").first).to_be_visible()


def opened_list(page: Page) -> None:
    expect(page.get_by_test_id("study-row").first).to_be_visible()
    opened_page(page)


def opened_page(page: Page) -> None:
    expect(page.get_by_role("heading").first).to_be_visible()
    expect(page.get_by_test_id("signed-in")).to_be_visible()
    page.wait_for_load_state("networkidle")


def settled(page: Page) -> Boxes:
    """The boxes once two looks in a row see the same."""
    last: Boxes = {}
    for _ in range(100):
        now: Boxes = page.evaluate(_BOXES)
        if now == last:
            return now
        last = now
        page.wait_for_timeout(200)
    raise AssertionError("The page does not come to rest.")


def pages(study: str) -> dict[str, tuple[str, Callable[[Page], None]]]:
    images = f"/study/?study={study}"
    return {
        "list": ("/", opened_list),
        "reader": (images, opened_images),
        "report": (images, opened_report),
        "search": ("/search/", opened_page),
        "text": ("/text/", opened_page),
        "account": ("/account/", opened_page),
        "jobs": ("/admin/?part=jobs", opened_page),
        "users": ("/admin/?part=users", opened_page),
        "peers": ("/admin/?part=peers", opened_page),
    }


def test_the_main_pages_have_their_parts_where_they_were(
    stored: tuple[ClosedNode, str], guarded_page: Page
) -> None:
    closed, study = stored
    page = guarded_page
    # What the machine lacks stands in the header.
    well = {"status": "ok", "parts": {}, "version": "1"}
    page.route("**/health", lambda route: route.fulfill(json=well))
    page.goto(f"{closed.url}/sign-in/")
    expect(page.get_by_label("Password")).to_be_visible()
    found = {"sign-in": settled(page)}
    sign_in(page, closed, "ada", "/")
    for name, (path, wait) in pages(study).items():
        page.goto(f"{closed.url}{path}")
        wait(page)
        found[name] = settled(page)
        keep_screenshot(page, f"geometry-{name}")
    if os.environ.get("MEDIVIEW_KEEP_SCREENSHOT"):
        _KEPT.write_text(json.dumps(found, indent=1).replace(",\n   ", ", ") + "\n")
    wrong = differences(found, json.loads(_KEPT.read_text()))
    assert not wrong, "\n".join(wrong)


def differences(found: dict[str, Boxes], kept: dict[str, Boxes]) -> list[str]:
    wrong = []
    for page, boxes in kept.items():
        wrong += [f"{page}: {one} is new" for one in found[page].keys() - boxes.keys()]
        for one, box in boxes.items():
            now = found[page].get(one)
            if now is None:
                wrong.append(f"{page}: {one} is gone")
            elif any(
                abs(a - b) > _PIXELS + _SHARE * max(a, b) for a, b in zip(now, box, strict=True)
            ):
                wrong.append(f"{page}: {one} at {now} was at {box}")
    return wrong
