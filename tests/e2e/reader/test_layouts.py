"""A person arranges what is read: rows and columns, an earlier study beside it, three planes."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from pydicom import dcmread
from pydicom.dataset import FileDataset

from tests.e2e.support.browser import chromium
from tests.e2e.support.fixtures import send
from tests.e2e.support.node import Node
from tests.e2e.support.pointing import seen
from tests.e2e.support.studies import SentStudy, copy_with_new_uids, files, images_in_order, picked
from tests.e2e.support.waiting import wait_until

MouseButton = Literal["left", "middle", "right"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


@pytest.fixture(scope="module")
def pair(node: Node, head: SentStudy, study_folder: Path) -> tuple[SentStudy, SentStudy]:
    """Some slices of a head, and fewer, thicker ones of a year before, 30 mm further up."""
    picked = study_folder / "few"
    picked.mkdir()
    middle = files(head.folder)[len(files(head.folder)) // 2 :][:24]
    for path in middle:
        (picked / path.name).write_bytes(path.read_bytes())

    def named(instance: FileDataset) -> None:
        instance.PatientID = "READS-LAYOUTS"
        instance.StudyDate = "20250101"

    def earlier(instance: FileDataset) -> None:
        named(instance)
        instance.StudyDate = "20240101"
        x, y, z = instance.ImagePositionPatient
        instance.ImagePositionPatient = [x, y, float(z) + 30]

    now = copy_with_new_uids(picked, study_folder / "few-now", named)
    for path in files(picked)[1::2]:
        path.unlink()
    before = copy_with_new_uids(picked, study_folder / "few-before", earlier)
    for study in (before, now):
        send(node, study)
    return now, before


def viewports(page: Page) -> Locator:
    return page.get_by_test_id("viewport")


def slice_number(viewport: Locator) -> int:
    return int(viewport.get_attribute("data-slice-number") or 0)


def test_the_earlier_study_stands_beside_and_follows(
    node: Node, pair: tuple[SentStudy, SentStudy], page: Page
) -> None:
    now, before = pair
    page.goto(f"{node.url}/study/?study={now.study_instance_uid}")
    expect(viewports(page)).to_have_count(2)
    current, prior = viewports(page).nth(0), viewports(page).nth(1)
    for viewport, study in ((current, now), (prior, before)):
        expect(viewport).to_have_attribute("data-series", study.series_instance_uid)
        expect(viewport).to_have_attribute("data-image-rendered", "true")
    expect(prior.get_by_test_id("other-study-mark")).to_have_text("Earlier study, −12 mo")
    from_current, from_prior = slice_number(current), slice_number(prior)
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    expect(current).to_have_attribute("data-slice-number", str(from_current + 4))
    # Every second slice is missing in the earlier study: four steps here are two there.
    expect(prior).to_have_attribute("data-slice-number", str(from_prior + 2))
    page.get_by_test_id("link-toggle").click()
    page.keyboard.press("ArrowUp")
    expect(current).to_have_attribute("data-slice-number", str(from_current + 3))
    page.wait_for_timeout(300)
    assert slice_number(prior) == from_prior + 2


def drag(page: Page, viewport: Locator, across: float, down: float, button: MouseButton) -> None:
    box = viewport.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down(button=button)
    page.mouse.move(x + across, y + down, steps=6)
    page.mouse.up(button=button)


@pytest.mark.slow
def test_linked_viewports_are_zoomed_panned_and_windowed_together(
    node: Node, pair: tuple[SentStudy, SentStudy], page: Page
) -> None:
    now, _ = pair
    page.goto(f"{node.url}/study/?study={now.study_instance_uid}")
    current, prior = viewports(page).nth(0), viewports(page).nth(1)
    for viewport in (current, prior):
        expect(viewport).to_have_attribute("data-image-rendered", "true")
    before, prior_before = seen(current), seen(prior)
    drag(page, current, 0, 90, "right")
    drag(page, current, 70, 40, "middle")
    after, prior_after = seen(current, unlike=before), seen(prior, unlike=prior_before)
    zoom = current.get_by_test_id("zoom-text")
    expect(zoom).not_to_have_text("Zoom 1.00×")
    expect(prior.get_by_test_id("zoom-text")).to_have_text(zoom.inner_text())
    # The studies are of one head: what was panned and zoomed alike looks alike.
    moved = np.abs(after - before).mean()
    assert np.abs(after - prior_after)[120:-120].mean() < moved / 2
    drag(page, current, 60, 20, "left")
    window = current.get_by_test_id("window-text")
    expect(prior.get_by_test_id("window-text")).to_have_text(window.inner_text())
    # Not linked, it moves alone.
    page.keyboard.press("y")
    drag(page, current, 60, 20, "left")
    expect(prior.get_by_test_id("window-text")).not_to_have_text(window.inner_text())


@pytest.mark.slow
def test_linked_viewports_keep_an_offset_that_was_set_by_hand(
    node: Node, pair: tuple[SentStudy, SentStudy], page: Page
) -> None:
    now, _ = pair
    page.goto(f"{node.url}/study/?study={now.study_instance_uid}")
    current, prior = viewports(page).nth(0), viewports(page).nth(1)
    for viewport in (current, prior):
        expect(viewport).to_have_attribute("data-image-rendered", "true")
    from_current, from_prior = slice_number(current), slice_number(prior)
    offset = page.get_by_test_id("adjust-offset")
    expect(offset).to_have_text("Offset")
    offset.click()
    prior.press("ArrowDown")
    expect(prior).to_have_attribute("data-slice-number", str(from_prior + 1))
    page.wait_for_timeout(300)
    assert slice_number(current) == from_current
    offset.click()
    expect(offset).to_have_text(re.compile(r"Offset \d+\.\d mm"))
    current.press("ArrowDown")
    current.press("ArrowDown")
    expect(prior).to_have_attribute("data-slice-number", str(from_prior + 2))
    page.get_by_test_id("reset-offset").click()
    expect(prior).to_have_attribute("data-slice-number", str(from_prior + 1))
    expect(offset).to_have_text("Offset")


def test_a_slice_has_one_number_in_the_stack_and_in_three_planes(
    node: Node, head: SentStudy, study_folder: Path, page: Page
) -> None:
    def straight(instance: FileDataset) -> None:
        instance.PatientID = "ONE-NUMBER"
        instance.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        instance.ImagePositionPatient = [-90, -120, 2.0 * int(instance.InstanceNumber)]

    paths = [Path(str(image.filename)) for image in images_in_order(head)]
    numbers = sorted(paths, key=lambda path: int(dcmread(path).InstanceNumber))[:30]
    study = copy_with_new_uids(
        picked(numbers, study_folder / "straight"), study_folder / "straight" / "sent", straight
    )
    send(node, study)
    page.goto(f"{node.url}/study/?study={study.study_instance_uid}")
    stack = viewports(page).first
    expect(stack).to_have_attribute("data-image-rendered", "true")
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    expect(stack).to_have_attribute("data-slice-number", "21")
    expect(stack.get_by_test_id("slice-text")).to_have_text("21 / 30")
    page.keyboard.press("m")
    axial = page.locator("[data-view=axial]")
    expect(axial).to_have_attribute("data-image-rendered", "true")
    expect(axial.get_by_test_id("slice-text")).to_have_text("21 / 30")
    axial.press("ArrowDown")
    expect(axial.get_by_test_id("slice-text")).to_have_text("22 / 30")
    axial.hover()
    page.mouse.wheel(0, 100)
    expect(axial.get_by_test_id("slice-text")).to_have_text("23 / 30")
    coronal = page.locator("[data-view=coronal]")
    expect(coronal.get_by_test_id("slice-text")).to_contain_text("Reformat")
    page.keyboard.press("m")
    expect(stack.get_by_test_id("slice-text")).to_have_text("23 / 30")


@pytest.mark.slow
def test_a_later_study_is_not_hung_as_an_earlier_one_and_says_that_it_is_later(
    node: Node, pair: tuple[SentStudy, SentStudy], page: Page
) -> None:
    now, before = pair
    # From the list on to the study below, without a way back.
    page.goto(f"{node.url}/?q=READS-LAYOUTS")
    rows = page.get_by_test_id("study-row")
    expect(rows).to_have_count(2)
    expect(rows.first).to_have_attribute("data-study-instance-uid", now.study_instance_uid)
    rows.first.locator("[data-study-link]").click()
    expect(page.get_by_test_id("study-place")).to_have_text("1 of 2")
    expect(viewports(page).first).to_have_attribute("data-image-rendered", "true")
    page.keyboard.press("Control+ArrowRight")
    expect(page.get_by_test_id("study-place")).to_have_text("2 of 2")
    assert f"study={before.study_instance_uid}" in page.url
    first = viewports(page).first
    expect(first).to_have_attribute("data-image-rendered", "true")
    expect(viewports(page)).to_have_count(1)
    listed = page.get_by_test_id("other-study")
    expect(listed).to_have_attribute("data-relation", "later")
    expect(listed.locator("summary")).to_contain_text("later, +12 mo")
    listed.get_by_test_id("series-button").click()
    expect(first).to_have_attribute("data-series", now.series_instance_uid)
    expect(first.get_by_test_id("other-study-mark")).to_have_text("Later study, +12 mo")


@pytest.mark.slow
def test_series_are_put_into_viewports_by_mouse_and_by_keyboard(
    node: Node, pair: tuple[SentStudy, SentStudy], page: Page
) -> None:
    now, before = pair
    page.goto(f"{node.url}/study/?study={now.study_instance_uid}")
    expect(viewports(page).nth(1)).to_have_attribute("data-image-rendered", "true")
    page.get_by_test_id("grid-choice").select_option("2 2")
    expect(viewports(page)).to_have_count(4)
    earlier = page.locator(
        f"[data-testid=series-button][data-series='{before.series_instance_uid}']"
    )
    earlier.drag_to(viewports(page).nth(2))
    expect(viewports(page).nth(2)).to_have_attribute("data-series", before.series_instance_uid)
    expect(viewports(page).nth(2)).to_have_attribute("data-active", "true")
    page.keyboard.press("n")
    expect(viewports(page).nth(3)).to_have_attribute("data-active", "true")
    page.keyboard.press(".")
    expect(viewports(page).nth(3)).to_have_attribute("data-series", now.series_instance_uid)
    expect(viewports(page).nth(3)).to_have_attribute("data-image-rendered", "true")
    # Nothing is stretched: what is drawn has the shape of its place.
    for index in range(4):
        canvas = viewports(page).nth(index).locator("canvas").first
        wait_until(
            page,
            "canvas => Math.abs(canvas.width / canvas.height"
            " - canvas.clientWidth / canvas.clientHeight) < 0.02",
            arg=canvas.element_handle(),
        )


@pytest.mark.slow
def test_a_link_opens_the_same_series_layout_and_slice(
    node: Node, pair: tuple[SentStudy, SentStudy], page: Page
) -> None:
    now, before = pair
    page.goto(f"{node.url}/study/?study={now.study_instance_uid}")
    expect(viewports(page).nth(1)).to_have_attribute("data-image-rendered", "true")
    page.get_by_test_id("grid-choice").select_option("2 1")
    expect(viewports(page)).to_have_count(2)
    first = viewports(page).nth(0)
    expect(first).to_have_attribute("data-image-rendered", "true")
    opened = slice_number(first)
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    number = opened - 3
    expect(first).to_have_attribute("data-slice-number", str(number))
    shown = f"image={images_in_order(now)[number - 1].SOPInstanceUID}"
    wait_until(page, "shown => location.search.includes(shown)", arg=shown)
    link = page.url
    assert "grid=2x1" in link
    page.goto("about:blank")
    page.goto(link)
    expect(viewports(page)).to_have_count(2)
    for index, study in enumerate((now, before)):
        expect(viewports(page).nth(index)).to_have_attribute(
            "data-series", study.series_instance_uid
        )
    expect(first).to_have_attribute("data-slice-number", str(number))
    page.keyboard.press("m")
    expect(page.locator("[data-view=coronal]")).to_be_visible()
    wait_until(page, "location.search.includes('layout=planes')")
    page.reload()
    expect(page.locator("[data-view=coronal]")).to_have_attribute("data-image-rendered", "true")


def test_letters_follow_the_image_when_it_is_turned(
    node: Node, pair: tuple[SentStudy, SentStudy], page: Page
) -> None:
    now, _ = pair
    page.goto(f"{node.url}/study/?study={now.study_instance_uid}")
    first = viewports(page).nth(0)
    expect(first).to_have_attribute("data-image-rendered", "true")

    def letters() -> list[str]:
        return [
            first.get_by_test_id(f"letter-{edge}").inner_text()
            for edge in ("top", "right", "bottom", "left")
        ]

    top, right, bottom, left = letters()
    page.keyboard.press("h")
    expect(first.get_by_test_id("letter-left")).to_have_text(right)
    assert letters() == [top, left, bottom, right]
    page.keyboard.press("r")
    expect(first.get_by_test_id("letter-left")).to_have_text(left)
    page.keyboard.press("]")
    expect(first.get_by_test_id("letter-top")).to_have_text(left)
    assert letters() == [left, top, right, bottom]
    page.keyboard.press("r")
    expect(first.get_by_test_id("letter-top")).to_have_text(top)
    assert letters() == [top, right, bottom, left]
