"""A brain is laid out by what its sequences are, also while they are still arriving."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.e2e.support.opening import opened, store
from tests.inference.scheduling.four_sequences import STUDY, sequence

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]

ROLES = ("FLAIR", "T1_CONTRAST", "T1", "T2")


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


@pytest.fixture
def shipped(node: Node) -> Iterator[None]:
    """Leaves the node with the protocols that it has of its own."""
    yield
    node.api.delete("/api/hanging-protocols").raise_for_status()


def roles(node: Node) -> list[str]:
    return [role for one in node.get(f"/api/studies/{STUDY}")["series"] for role in one["roles"]]


@pytest.mark.usefixtures("shipped")
def test_a_brain_is_hung_once_its_sequences_are_known(node: Node, page: Page) -> None:
    store(node, sequence("t2", 4))
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{node.url}/admin/?part=hanging")
    page.get_by_test_id("add-protocol").click()
    page.get_by_test_id("protocol-name").fill("Brain by role")
    page.get_by_label("Modalities").first.fill("MR")
    page.get_by_test_id("protocol-grid").select_option("2 2")
    for place, role in enumerate(ROLES):
        page.get_by_test_id("preview-viewport").nth(place).click()
        page.get_by_test_id("viewport-role").select_option(role)
        page.get_by_role("checkbox", name="required").set_checked(True)
    while page.get_by_role("button", name="Try earlier").is_enabled():
        page.get_by_role("button", name="Try earlier").click()
    page.get_by_test_id("save-hanging").click()
    expect(page.get_by_text("Saved. It applies to the next study")).to_be_visible()

    # Opened with one sequence of four, and left as it is.
    opened(page, node, STUDY)
    views = page.get_by_test_id("viewport")
    expect(views).to_have_count(1)
    for kind, number in (("t1", 2), ("t1c", 3), ("flair", 5)):
        store(node, sequence(kind, number))
    node.wait_for(lambda: set(roles(node)) == set(ROLES), "the roles", 60)
    expect(views).to_have_count(4)
    for place in range(4):
        expect(views.nth(place)).to_have_attribute("data-image-rendered", "true")

    # Who has laid it out otherwise keeps that, though a sequence comes that belongs elsewhere.
    page.get_by_test_id("grid-choice").select_option("1 2")
    expect(views).to_have_count(2)
    store(node, sequence("t2", 6))
    node.wait_for(lambda: roles(node).count("T2") == 2, "the role of the second T2", 60)
    page.wait_for_timeout(2500)
    expect(views).to_have_count(2)
