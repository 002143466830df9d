"""A person lays studies out otherwise than the site, and goes back to what the site has."""

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests import builders
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.e2e.support.opening import opened, store

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def test_own_layouts_take_the_place_of_the_sites_until_they_are_given_up(
    node: Node, page: Page
) -> None:
    flat = np.full((3, 16, 16), 300, np.int16)
    uid = store(node, builders.series(flat, modality="CT", seed=941, PatientID="READS-OWN"))
    opened(page, node, uid)
    expect(page.get_by_test_id("viewport")).to_have_count(1)

    page.goto(f"{node.url}/account/")
    own = page.get_by_test_id("own-hanging")
    own.get_by_test_id("begin-own-hanging").click()
    own.get_by_test_id("add-protocol").click()
    own.get_by_test_id("protocol-name").fill("Two of mine")
    own.get_by_test_id("save-hanging").click()
    expect(own.get_by_test_id("save-hanging")).to_be_disabled()
    node.wait_for(lambda: node.get("/api/me/preferences")["hanging"], "own layouts", 30)
    kept = node.get("/api/me/preferences")
    names = [one["name"] for one in kept["hanging"]["protocols"]]
    site = [one["name"] for one in node.get("/api/hanging-protocols")["protocols"]]
    assert names == [*site, "Two of mine"]

    # The person's first protocol that applies holds; the site's are as they were.
    beside = {"modalities": ["CT"], "required": False}
    mine = {"name": "Beside", "rows": 1, "columns": 2, "viewports": [beside, beside]}
    kept["hanging"] = {"protocols": [mine]}
    node.api.put("/api/me/preferences", json=kept).raise_for_status()
    opened(page, node, uid)
    expect(page.get_by_test_id("viewport")).to_have_count(2)

    page.goto(f"{node.url}/account/")
    own.get_by_test_id("leave-own-hanging").click()
    expect(own.get_by_test_id("begin-own-hanging")).to_be_visible()
    node.wait_for(
        lambda: node.get("/api/me/preferences")["hanging"] is None, "the site's layouts", 30
    )
    opened(page, node, uid)
    expect(page.get_by_test_id("viewport")).to_have_count(1)
