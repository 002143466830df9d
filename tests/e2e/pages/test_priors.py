"""A radiologist sees what the PACS has of a patient, fetches it, and an administrator sees how."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from inference.priors.search_and_fetch import search_and_fetch_due
from tests.api.access.closed import PASSWORD, ClosedNode
from tests.e2e.support.browser import keep_screenshot
from tests.e2e.support.guarded import sign_in
from tests.inference.orchestration import receive
from tests.inference.priors.archives import as_archive, filled_archive
from tests.inference.small import mr_series, study_uid
from tests.services import OrthancServer, free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture
def page(guarded_page: Page) -> Page:
    return guarded_page


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OrthancServer]:
    with filled_archive(tmp_path) as (found, _):
        yield found


@pytest.mark.slow
def test_a_study_in_the_pacs_is_fetched_from_the_study_page(
    guarded: ClosedNode, page: Page, server: OrthancServer
) -> None:
    storage = guarded.storage
    storage.accounts.add("rad", PASSWORD, ["radiologist"])
    storage.accounts.add("root", PASSWORD, ["admin"])
    storage.peers.add(as_archive(server))
    storage.peers.add(as_archive(server, name="tape", port=free_port()))
    receive(storage, mr_series("now", 3))
    sign_in(page, guarded, "rad", f"/study/?study={study_uid('now')}")
    chest = page.get_by_test_id("elsewhere").filter(has_text="CT Chest 2022-01-05")
    expect(chest).to_contain_text("at archive", timeout=60_000)
    expect(page.get_by_text("tape could not be asked.")).to_be_visible()
    keep_screenshot(page, "elsewhere")
    chest.get_by_role("button", name="Fetch CT Chest 2022-01-05").click()
    expect(chest).to_contain_text("Waiting to be fetched.")
    search_and_fetch_due(storage, "worker")
    expect(chest).to_contain_text("Fetched.", timeout=60_000)
    assert storage.index.study(study_uid("2022-ct")).instance_count == 2
    # What is open would ask for a sign-in of its own.
    page.goto("about:blank")
    page.context.clear_cookies()
    sign_in(page, guarded, "root", "/admin/?part=priors")
    row = page.locator("[data-testid=prior][data-state=done]")
    expect(row).to_contain_text("asked for by a person", timeout=60_000)
    expect(row).to_contain_text("2 / 2")
