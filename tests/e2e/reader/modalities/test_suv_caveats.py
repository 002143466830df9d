"""A person measures on a PET whose header gives no SUV: the row says why."""

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from pydicom.uid import generate_uid

from tests import builders
from tests.api.access.closed import PASSWORD
from tests.api.client import part10
from tests.e2e.reader.modalities.test_uptake import _SLOPE, draw_circle, pet, stored
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
        # Where the windows in SUV would be, too, and those that are there begin at no activity.
        presets = page.get_by_test_id("presets")
        expect(presets.locator("option[disabled]").last).to_have_text(
            "No SUV: the patient's weight is missing or not plausible"
        )
        expect(presets).not_to_contain_text("High contrast")
        presets.select_option(label="3 0–½ of the opening window")
        expect(viewport.get_by_test_id("window-text")).to_contain_text(re.compile(r"\d"))


def test_activity_without_an_suv_over_a_ct_says_why_and_is_seen(
    tmp_path: Path, guarded_page: Page
) -> None:
    """From 7,500 Bq/ml in noise to 60,000 in lesions: neither all black nor all white."""
    page = guarded_page
    with guarded_node(tmp_path) as closed:
        images = pet()
        frame_of_reference_uid = generate_uid()
        ct = builders.series(
            np.zeros((24, 64, 64), np.int16),
            modality="CT",
            spacing_mm=(3.0, 3.0, 2.5),
            seed=941,
            PatientID="READS-SUV",
            StudyInstanceUID=images[0].StudyInstanceUID,
        )
        for image in (*images, *ct):
            image.FrameOfReferenceUID = frame_of_reference_uid
            image.pop("PatientWeight", None)
            image.pop("WindowCenter", None)
            image.pop("WindowWidth", None)
            closed.storage.ingest.accept(part10(image), "stow")
        closed.storage.accounts.add("ada", PASSWORD, ["radiologist"])
        page.set_viewport_size({"width": 1600, "height": 900})
        sign_in(page, closed, "ada", f"/study/?study={images[0].StudyInstanceUID}")
        expect(page.get_by_test_id("viewport").first).to_have_attribute(
            "data-image-rendered", "true"
        )
        page.get_by_test_id("series-button").filter(has_text="CT").click()
        page.keyboard.press("m")
        page.get_by_test_id("fusion").select_option(index=1)
        upper = page.get_by_test_id("fusion-upper")
        expect(upper).to_be_attached()
        if not upper.is_visible():
            page.get_by_test_id("more-tools").locator("summary").click()
        most = float(np.percentile(stored() * _SLOPE, 100))
        assert 7_500 < float(upper.input_value()) <= most
        expect(page.get_by_text("No SUV: the patient's weight is missing")).to_be_visible()
        expect(page.get_by_role("group", name="Fusion")).to_contain_text("Bq/ml")
