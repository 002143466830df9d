"""An administrator lays out studies by looking at them, and a reader finds them so."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.reader.modalities.test_several import pet_and_ct
from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.e2e.support.opening import store

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


@pytest.fixture
def shipped(node: Node) -> Iterator[None]:
    """Leaves the node with the protocols that it has of its own."""
    yield
    node.api.delete("/api/hanging-protocols").raise_for_status()


@pytest.mark.usefixtures("shipped")
def test_a_protocol_is_drawn_tried_and_used(node: Node, page: Page) -> None:
    study = store(node, pet_and_ct())
    page.set_viewport_size({"width": 1600, "height": 1200})
    page.goto(f"{node.url}/admin/?part=hanging")
    page.get_by_test_id("add-protocol").click()
    page.get_by_test_id("protocol-name").fill("PET beside CT")
    page.get_by_label("Modalities").first.fill("PT")
    page.get_by_test_id("protocol-grid").select_option("1 2")
    form = page.get_by_test_id("viewport-form")
    form.get_by_label("Modalities").fill("CT")
    shown = page.get_by_test_id("preview-viewport")
    shown.nth(1).click()
    form.get_by_label("Modalities").fill("PT")
    form.get_by_label("Study").select_option("prior")
    expect(shown.nth(1)).to_contain_text("earlier study")
    page.get_by_test_id("try-study").select_option(study)
    # Without an earlier study the place stays empty; of this one it is the PET.
    tried = page.get_by_test_id("try-viewport")
    expect(tried).to_have_text(["CT", "empty"])
    form.get_by_label("Study").select_option("current")
    expect(tried).to_have_text(["CT", "PT"])
    assert serious_findings(page) == []
    # Before all others, so that it is used.
    while page.get_by_role("button", name="Try earlier").is_enabled():
        page.get_by_role("button", name="Try earlier").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved. It applies to the next study")).to_be_visible()
    page.goto(f"{node.url}/study/?study={study}")
    views = page.get_by_test_id("viewport")
    expect(views).to_have_count(2)
    for index in range(2):
        expect(views.nth(index)).to_have_attribute("data-image-rendered", "true")
