"""A person makes the panels beside the images as wide as is convenient; the node remembers."""

import pytest
from playwright.sync_api import Page, expect

from tests import builders
from tests.api.access.closed import PASSWORD, ClosedNode
from tests.api.client import part10
from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.guarded import sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]


def width(page: Page, side: str) -> float:
    box = page.get_by_test_id(f"{side}-pane").bounding_box()
    assert box is not None
    return box["width"]


def test_panels_are_resized_closed_and_remembered_for_each_person(
    guarded: ClosedNode, guarded_page: Page
) -> None:
    page = guarded_page
    for name in ("ada", "ben"):
        guarded.storage.accounts.add(name, PASSWORD, ["radiologist"])
    datasets = builders.t1_head((4, 64, 64))
    for dataset in datasets:
        guarded.storage.ingest.accept(part10(dataset), "test")
    study = f"/study/?study={datasets[0].StudyInstanceUID}"
    sign_in(page, guarded, "ada", study)
    viewport = page.get_by_test_id("viewport").first
    expect(viewport).to_have_attribute("data-image-rendered", "true")
    usual = width(page, "right")
    handle = page.get_by_test_id("right-pane-handle")
    box = handle.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    with page.expect_response(lambda answer: answer.url.endswith("/me/preferences")):
        page.mouse.move(box["x"] + 4, y)
        page.mouse.down()
        page.mouse.move(box["x"] - 76, y, steps=4)
        page.mouse.up()
    assert width(page, "right") == pytest.approx(usual + 80, abs=2)
    # By the keyboard, too, and the images stay where they are.
    handle.focus()
    place = viewport.get_attribute("data-slice-number")
    page.keyboard.press("ArrowRight")
    assert width(page, "right") == pytest.approx(usual + 64, abs=2)
    assert viewport.get_attribute("data-slice-number") == place
    with page.expect_response(lambda answer: answer.url.endswith("/me/preferences")):
        page.keyboard.press("S")
    expect(page.get_by_test_id("left-pane")).to_have_attribute("data-open", "false")
    page.keyboard.press("T")
    expect(page.get_by_test_id("results-notice")).to_be_hidden()
    expect(page.get_by_test_id("right-pane")).to_contain_text("Research use only")
    assert serious_findings(page) == []
    # What is to be seen in it opens it.
    with page.expect_response(lambda answer: answer.url.endswith("/me/preferences")):
        page.keyboard.press("F")
    page.reload()
    expect(viewport).to_have_attribute("data-image-rendered", "true")
    expect(page.get_by_test_id("left-pane")).to_have_attribute("data-open", "false")
    assert width(page, "right") == pytest.approx(usual + 64, abs=2)
    page.context.clear_cookies()
    sign_in(page, guarded, "ben", study)
    expect(viewport).to_have_attribute("data-image-rendered", "true")
    expect(page.get_by_test_id("left-pane")).to_have_attribute("data-open", "true")
    assert width(page, "right") == pytest.approx(usual, abs=2)
