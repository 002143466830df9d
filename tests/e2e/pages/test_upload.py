"""An upload whose connection is cut and whose page is loaded again: every byte is sent once."""

import random
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

LIMIT_MS = 120_000
PART_BYTES = 16 * 2**20
"""As the node chooses it for files of such a size."""


@pytest.fixture
def page() -> Iterator[Page]:
    # What is cut, and the refusal of what is no DICOM, are written to the console.
    with chromium("Failed to load resource") as page:
        yield page


@pytest.mark.slow
def test_a_cut_upload_goes_on_where_it_stood(node: Node, page: Page, tmp_path: Path) -> None:
    # No DICOM, so that it leaves nothing behind in the node.
    archive = tmp_path / "large.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("notes.bin", random.Random(3).randbytes(4 * PART_BYTES))
    parts = -(-archive.stat().st_size // PART_BYTES)
    assert parts > 3
    let_through, cuts = 1, 0
    sent: list[str] = []

    def connection(route: Route) -> None:
        nonlocal let_through, cuts
        if let_through == 0:
            cuts += 1
            route.abort("connectionreset")
            return
        let_through -= 1
        sent.append(route.request.url)
        route.continue_()

    page.route("**/api/v1/uploads/parts?*", connection)
    page.goto(node.url)
    page.get_by_test_id("upload-input").set_input_files(archive)
    status = page.get_by_test_id("upload-status")
    expect(status).to_have_attribute("data-waiting", "true", timeout=LIMIT_MS)
    expect(status).to_contain_text("The upload resumes as soon as it is back")
    assert (len(sent), cuts >= 1) == (1, True)

    page.reload()
    left = page.get_by_test_id("unfinished")
    expect(left).to_contain_text("is not finished", timeout=LIMIT_MS)
    kept = page.evaluate("JSON.stringify(window.localStorage)")
    assert "unfinished" in kept
    assert "large" not in kept, "names of files may be those of patients"
    let_through = 2
    page.get_by_test_id("upload-input").set_input_files(archive)
    expect(status).to_have_attribute("data-waiting", "true", timeout=LIMIT_MS)
    page.get_by_role("button", name="Pause").click()
    expect(status).to_contain_text("Paused at")
    let_through = 1_000
    page.get_by_role("button", name="Resume").click()
    card = page.get_by_test_id("upload")
    expect(card).to_contain_text("neither DICOM nor a ZIP", timeout=LIMIT_MS)
    expect(left).to_have_count(0)
    assert len(sent) == parts, "none of them was sent twice"
