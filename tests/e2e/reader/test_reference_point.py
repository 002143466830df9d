"""A person marks a place of the patient in three planes by the menu of one of them."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import builders
from tests.api.access.closed import PASSWORD
from tests.api.client import part10
from tests.e2e.support.guarded import guarded_node, sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

# The other planes may lie between two columns of pixels.
_NEAR = re.compile(r"^-?0(\.[0-4]\d*)?(e-\d+)?$|^-?\d(\.\d+)?e-\d+$")
_PLANES = ("axial", "sagittal", "coronal")


def test_the_other_planes_go_to_a_reference_point(tmp_path: Path, guarded_page: Page) -> None:
    page = guarded_page
    with guarded_node(tmp_path) as closed:
        datasets = builders.t1_head((24, 48, 48))
        for dataset in datasets:
            closed.storage.ingest.accept(part10(dataset), "stow")
        closed.storage.accounts.add("ada", PASSWORD, ["radiologist"])
        study = str(datasets[0].StudyInstanceUID)
        sign_in(page, closed, "ada", f"/study/?study={study}&layout=planes")
        views = {
            name: page.locator(f'[data-testid=viewport][data-view="{name}"]') for name in _PLANES
        }
        for view in views.values():
            expect(view).to_have_attribute("data-image-rendered", "true")
        box = views["axial"].bounding_box()
        assert box is not None
        page.mouse.click(
            box["x"] + 0.42 * box["width"], box["y"] + 0.42 * box["height"], button="right"
        )
        page.locator("[data-action=reference]").click()
        for view in views.values():
            mark = view.get_by_test_id("reference-point")
            expect(mark).to_be_attached()
            expect(mark).to_have_attribute("data-off-mm", _NEAR)
        page.keyboard.press("E")
        expect(page.get_by_test_id("reference-point")).to_have_count(0)
