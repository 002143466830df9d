"""A person opens a patient from another system, and a second window on another monitor."""

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests import builders
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.e2e.support.opening import store

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def test_windows_of_one_patient_show_the_same_place_until_one_is_on_its_own(
    node: Node, page: Page
) -> None:
    slices = np.zeros((12, 32, 32), np.int16)
    for patient_of, seed in (("CLINIC A", 986), ("CLINIC B", 987)):
        instances = builders.series(slices, modality="CT", seed=seed, PatientID="TWO-SCREENS")
        for instance in instances:
            instance.IssuerOfPatientID = patient_of
            instance.PatientName = f"Screens^{patient_of[-1]}"
            instance.WindowCenter, instance.WindowWidth = "100", "600"
        store(node, instances)
    page.goto(f"{node.url}/study/?patient=TWO-SCREENS")
    expect(page.get_by_test_id("several-persons")).to_be_visible()
    page.goto(f"{node.url}/study/?patient=TWO-SCREENS&issuer=CLINIC%20A")
    expect(page.get_by_test_id("patient-name")).to_have_text("Screens, A")
    first = page.get_by_test_id("viewport").first
    expect(first).to_have_attribute("data-image-rendered", "true")
    with page.context.expect_page() as opening:
        page.get_by_test_id("second-window").click()
    other = opening.value
    second = other.get_by_test_id("viewport").first
    expect(second).to_have_attribute("data-image-rendered", "true")
    expect(page.get_by_test_id("in-step")).to_be_visible()
    page.keyboard.press("Home")
    expect(second).to_have_attribute("data-slice-number", "1")
    other.get_by_test_id("in-step").select_option("window")
    page.keyboard.press("2")
    expect(other.get_by_test_id("window-text")).to_have_text("W 400 L 40")
    other.get_by_test_id("in-step").select_option("off")
    page.keyboard.press("End")
    expect(first).to_have_attribute("data-slice-number", "12")
    expect(second).to_have_attribute("data-slice-number", "1")
    other.close()
    expect(page.get_by_test_id("in-step")).to_have_count(0)
