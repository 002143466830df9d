"""A radiologist shares what is on the screen by a link; a colleague opens the same."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests import builders
from tests.api.access.closed import PASSWORD, ClosedNode
from tests.api.client import part10
from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.browser import chromium
from tests.e2e.support.guarded import guarded_node, sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

_AXIAL = "[data-testid=viewport][data-view=axial]"
_NAME = "Öztürk-Nuñez^Zoë"


def _stored(closed: ClosedNode) -> str:
    datasets = builders.t1_head((9, 64, 64))
    for dataset in datasets:
        dataset.SpecificCharacterSet = "ISO_IR 192"
        dataset.PatientName = _NAME
        closed.storage.ingest.accept(part10(dataset), "stow")
    return str(datasets[0].StudyInstanceUID)


def _viewports(page: Page) -> Locator:
    return page.get_by_test_id("viewport")


def test_a_colleague_opens_the_same_images_and_windows(tmp_path: Path) -> None:
    with guarded_node(tmp_path) as closed, chromium("Failed to load resource") as page:
        study = _stored(closed)
        for name in ("ada", "carl"):
            closed.storage.accounts.add(name, PASSWORD, ["radiologist"])
        sign_in(page, closed, "ada", f"/study/?study={study}")
        first = _viewports(page).first
        expect(first).to_have_attribute("data-image-rendered", "true")
        page.keyboard.press("Home")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("i")
        expect(first).to_have_attribute("data-slice-number", "3")
        window = first.get_by_test_id("window-text")
        box = first.bounding_box()
        assert box is not None
        before = window.inner_text()
        page.mouse.move(box["x"] + 200, box["y"] + 200)
        page.mouse.down()
        page.mouse.move(box["x"] + 260, box["y"] + 240, steps=5)
        page.mouse.up()
        expect(window).not_to_have_text(before)
        shown = window.inner_text()

        page.get_by_test_id("share-view").click()
        dialog = page.get_by_test_id("share-dialog")
        dialog.get_by_label("1 hour").check()
        dialog.get_by_test_id("create-link").click()
        link = dialog.get_by_test_id("shared-link").input_value()
        assert serious_findings(page) == []
        assert re.fullmatch(re.escape(closed.url) + r"/study/\?shared=[0-9a-f-]{36}", link)

        with chromium("Failed to load resource") as other:
            other.goto(link)
            expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
            sign_in(other, closed, "carl", link.removeprefix(closed.url))
            theirs = _viewports(other).first
            expect(theirs).to_have_attribute("data-image-rendered", "true")
            expect(theirs).to_have_attribute("data-slice-number", "3")
            expect(theirs.get_by_test_id("window-text")).to_have_text(shown)

            page.get_by_role("button", name=re.compile("^Revoke the link")).click()
            expect(dialog.get_by_text("The link is revoked.")).to_be_visible()
            other.goto(link)
            refused = other.get_by_test_id("shared-view")
            expect(refused).to_contain_text("This link has expired or was revoked.")
            other.goto(link[:-1])
            expect(refused).to_contain_text("This link does not open anything here")


def test_a_link_opens_three_planes_where_they_were(tmp_path: Path) -> None:
    with guarded_node(tmp_path) as closed, chromium("Failed to load resource") as page:
        study = _stored(closed)
        closed.storage.accounts.add("ada", PASSWORD, ["radiologist"])
        sign_in(page, closed, "ada", f"/study/?study={study}&layout=planes")
        axial = page.locator(_AXIAL)
        expect(axial).to_have_attribute("data-image-rendered", "true")
        place = axial.get_attribute("data-slice-number")
        axial.focus()
        page.keyboard.press("ArrowDown")
        expect(axial).not_to_have_attribute("data-slice-number", place or "")
        page.keyboard.press("i")
        place, window = (
            axial.get_attribute("data-slice-number"),
            axial.get_by_test_id("window-text").inner_text(),
        )
        page.get_by_test_id("share-view").click()
        page.get_by_test_id("create-link").click()
        link = page.get_by_test_id("shared-link").input_value()
        with chromium("Failed to load resource") as other:
            sign_in(other, closed, "ada", link.removeprefix(closed.url))
            theirs = other.locator(_AXIAL)
            expect(theirs).to_have_attribute("data-slice-number", place or "")
            expect(theirs.get_by_test_id("window-text")).to_have_text(window)
