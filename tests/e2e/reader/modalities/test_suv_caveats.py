"""A person measures on a PET whose header gives no SUV: the row says why."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.api.access.closed import PASSWORD
from tests.api.client import part10
from tests.e2e.reader.modalities.test_uptake import draw_circle, pet
from tests.e2e.support.guarded import guarded_node, sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_region_without_an_suv_says_why(tmp_path: Path, guarded_page: Page) -> None:
    page = guarded_page
    with guarded_node(tmp_path) as closed:
        images = pet()
        for image in images:
            del image.PatientWeight
            closed.storage.ingest.accept(part10(image), "stow")
        closed.storage.accounts.add("ada", PASSWORD, ["radiologist"])
        sign_in(page, closed, "ada", f"/study/?study={images[0].StudyInstanceUID}")
        viewport = page.get_by_test_id("viewport").first
        expect(viewport).to_have_attribute("data-image-rendered", "true")
        page.keyboard.press("d")
        draw_circle(page, viewport, 28.5 / 64, 30.5 / 64, 0.15)
        expect(page.get_by_test_id("measured-caveat")).to_contain_text(
            "No SUV: the patient's weight is missing or not plausible"
        )
        expect(page.get_by_test_id("uptake-region")).to_have_count(0)
