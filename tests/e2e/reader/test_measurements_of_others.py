"""What other systems measured is shown under their name, and is the reader's by a copy alone."""

import copy
import math
import re

import pytest
from playwright.sync_api import Dialog, Page, expect
from pydicom.dataset import Dataset

from tests import builders
from tests.api.access.closed import PASSWORD, ClosedNode, sign_in
from tests.api.client import part10
from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.guarded import sign_in as sign_in_on
from tests.e2e.support.pointing import point_to
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
TRACKING_UID = "2.25.31"


@pytest.fixture
def images(guarded: ClosedNode) -> list[Dataset]:
    guarded.storage.accounts.add("ada", PASSWORD, ["radiologist"])
    datasets = builders.t1_head((3, 64, 64))
    for dataset in datasets:
        dataset.PixelSpacing = [0.9, 0.4]
        guarded.storage.ingest.accept(part10(dataset), "test")
    return datasets


def foreign_report(node: ClosedNode, images: list[Dataset]) -> str:
    """An SR of a workstation, whose length of 20.0 mm lies on the middle image; its UID."""
    study = str(images[0].StudyInstanceUID)
    length = {
        "shape": "LENGTH",
        "label": "Aorta",
        "points": [[10, 20.5], [60, 20.5]],
        "sop_instance_uid": str(images[1].SOPInstanceUID),
        "tracking_uid": TRACKING_UID,
    }
    with node.client(timeout=PATIENCE_S) as client:
        client.headers["X-CSRF-Token"] = sign_in(client, "ada").json()["csrf_token"]
        path = f"/api/studies/{study}/measurements"
        answer = client.post(path, json={"measurements": [length]})
    assert answer.status_code == 201, answer.text
    own = answer.json()["sop_instance_uid"]
    document = copy.deepcopy(node.storage.instances.dataset(node.storage.index.instance(own)))
    node.storage.deletions.instance(own)
    document.SOPInstanceUID = document.file_meta.MediaStorageSOPInstanceUID = "2.25.770"
    document.SeriesInstanceUID = "2.25.771"
    document.SeriesDescription = "CAD of the workstation"
    for item in document.ContentSequence:
        if item.ConceptNameCodeSequence[0].CodeValue == "121008":
            item.PersonName = "Strange^Stephen"
    node.storage.ingest.accept(part10(document), "dimse:WORKSTATION")
    return str(document.SOPInstanceUID)


def circles_of_others(node: ClosedNode, images: list[Dataset], areas: list[float | None]) -> None:
    """An SR of circles of ten columns; what each states: its area, mm2, or else a mean alone."""
    own = node.storage.index.instance(foreign_report(node, images))
    document = copy.deepcopy(node.storage.instances.dataset(own))
    node.storage.deletions.instance(own.sop_instance_uid)
    document.SOPInstanceUID = document.file_meta.MediaStorageSOPInstanceUID = "2.25.772"
    (length,) = document.ContentSequence[-1].ContentSequence
    groups = [copy.deepcopy(length) for _ in areas]
    for number, (group, area) in enumerate(zip(groups, areas, strict=True)):
        for item in group.ContentSequence:
            if item.ConceptNameCodeSequence[0].CodeValue == "112039":
                item.TextValue = "Workstation:Region"
            if item.ConceptNameCodeSequence[0].CodeValue == "112040":
                item.UID = f"{TRACKING_UID}{number}"
        (size,) = (one for one in group.ContentSequence if one.ValueType == "NUM")
        stated = ("42798000", "Area", "mm2", area) if area else ("373098007", "Mean", "1", 40)
        size.ConceptNameCodeSequence[0].CodeValue = stated[0]
        size.ConceptNameCodeSequence[0].CodeMeaning = stated[1]
        (value,) = size.MeasuredValueSequence
        value.MeasurementUnitsCodeSequence[0].CodeValue = stated[2]
        value.NumericValue = stated[3]
        value.pop("FloatingPointValue", None)
        (line,) = (one for one in size.ContentSequence if one.ValueType == "SCOORD")
        line.GraphicType, line.GraphicData = "CIRCLE", [30, 20 + 12 * number, 40, 20 + 12 * number]
    document.ContentSequence[-1].ContentSequence = groups
    node.storage.ingest.accept(part10(document), "dimse:WORKSTATION")


def saved_by_readers(node: ClosedNode, study: str) -> list[Dataset]:
    return [
        node.storage.instances.dataset(one)
        for one in node.storage.index.instances_of(study)
        if one.source == "reader:ada"
    ]


def test_a_foreign_measurement_is_read_only_and_mine_by_a_copy_alone(
    guarded: ClosedNode, guarded_page: Page, images: list[Dataset]
) -> None:
    theirs = foreign_report(guarded, images)
    page, study = guarded_page, str(images[0].StudyInstanceUID)
    sign_in_on(page, guarded, "ada", f"/study/?study={study}")
    viewport = page.get_by_test_id("viewport").first
    expect(viewport).to_have_attribute("data-image-rendered", "true")
    foreign = page.get_by_test_id("others-measurement")
    expect(foreign).to_have_count(1)
    expect(foreign).to_contain_text("Aorta: 20.0 mm")
    expect(foreign.get_by_test_id("maker")).to_have_text(
        "by Strange, Stephen, from SR “CAD of the workstation”, sent by WORKSTATION"
    )
    expect(foreign.get_by_role("textbox")).to_have_count(0)
    expect(page.get_by_test_id("measurement")).to_have_count(0)
    foreign.get_by_test_id("measured-text").click()
    expect(viewport).to_have_attribute("data-slice-number", "2")
    label = viewport.locator("svg text").first
    expect(label).to_contain_text("by Strange, Stephen")

    # Neither the key that removes nor a drag at its end changes it, and nothing is to be saved.
    page.keyboard.press("Delete")
    page.keyboard.press("l")
    expect(foreign).to_have_count(1)
    expect(page.get_by_test_id("save-measurements")).to_be_disabled()
    page.get_by_test_id("show-others").uncheck()
    expect(label).to_have_count(0)
    page.get_by_test_id("show-others").check()
    expect(label).to_contain_text("by Strange, Stephen")

    # What the reader draws beside it is saved without it.
    point_to(page, viewport, 0.42, 0.7)
    page.mouse.down()
    point_to(page, viewport, 0.58, 0.7)
    page.mouse.up()
    expect(page.get_by_test_id("measurement")).to_have_count(1)
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", stay)
    page.get_by_title("Studies (Esc)").click()
    assert asked == ["Something in this study is not saved. Leave it all the same?"]
    expect(page.get_by_test_id("measurement")).to_have_count(1)
    page.get_by_test_id("save-measurements").click()
    expect(page.get_by_test_id("save-measurements")).to_have_attribute("data-saved", "true")
    (own,) = saved_by_readers(guarded, study)
    assert len(own.ContentSequence[-1].ContentSequence) == 1
    assert TRACKING_UID not in {str(element.value) for element in own.iterall()}

    assert serious_findings(page) == []
    foreign.get_by_test_id("take-over").click()
    expect(foreign.get_by_test_id("take-over")).to_have_text("Taken over")
    expect(page.get_by_test_id("measurement")).to_have_count(2)
    expect(page.get_by_test_id("taken-over")).to_have_text("Taken over from Strange, Stephen")
    # Undone like everything that is drawn.
    page.keyboard.press("Control+z")
    expect(page.get_by_test_id("measurement")).to_have_count(1)
    page.keyboard.press("Control+y")
    expect(page.get_by_test_id("measurement")).to_have_count(2)
    page.get_by_test_id("save-measurements").click()
    expect(page.get_by_test_id("save-measurements")).to_have_attribute("data-saved", "true")
    newest = max(saved_by_readers(guarded, study), key=lambda one: one.InstanceNumber)
    copied = newest.ContentSequence[-1].ContentSequence[-1]
    number = next(one for one in copied.ContentSequence if one.ValueType == "NUM")
    assert number.MeasuredValueSequence[0].NumericValue == 20
    inferred = [one for one in number.ContentSequence if one.RelationshipType == "INFERRED FROM"]
    composite = next(one for one in inferred if one.ValueType == "COMPOSITE")
    assert composite.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == theirs
    (uid,) = [one.UID for one in inferred if one.ValueType == "UIDREF"]
    assert uid == TRACKING_UID
    page.reload()
    expect(page.get_by_test_id("taken-over")).to_have_count(1)
    expect(foreign.get_by_test_id("take-over")).to_be_disabled()


def test_a_sentence_waits_for_the_report_that_it_is_for(
    guarded: ClosedNode, guarded_page: Page, images: list[Dataset]
) -> None:
    foreign_report(guarded, images)
    page, study = guarded_page, str(images[0].StudyInstanceUID)
    sign_in_on(page, guarded, "ada", f"/study/?study={study}")
    foreign = page.get_by_test_id("others-measurement")
    foreign.get_by_role("button", name=re.compile("report")).click()
    waiting = page.get_by_test_id("sentences-waiting")
    expect(waiting).to_have_text("One sentence is put in when there is one.")
    page.get_by_role("button", name="Create draft").click()
    editor = page.get_by_test_id("report-panel").get_by_role("textbox")
    expect(editor.filter(has_text="20.0 mm")).to_be_visible()


def test_a_foreign_circle_is_one_in_mm_or_of_pixels_as_its_area_tells(
    guarded: ClosedNode, guarded_page: Page, images: list[Dataset]
) -> None:
    """Ten columns are 4 mm, ten rows 9 mm."""
    in_mm, of_pixels = math.pi * 4**2, math.pi * 4 * 9
    circles_of_others(guarded, images, [in_mm, of_pixels, None])
    page, study = guarded_page, str(images[0].StudyInstanceUID)
    sign_in_on(page, guarded, "ada", f"/study/?study={study}")
    viewport = page.get_by_test_id("viewport").first
    expect(viewport).to_have_attribute("data-image-rendered", "true")
    page.get_by_test_id("others-measurement").first.get_by_test_id("measured-text").click()
    expect(viewport).to_have_attribute("data-slice-number", "2")
    expect(viewport.locator("svg ellipse")).to_have_count(3)
    outlines = viewport.locator("svg ellipse").evaluate_all(
        "all => all.map(one => ['cy', 'rx', 'ry'].map(name => Number(one.getAttribute(name))))"
    )
    shapes = [round(ry / rx, 2) for _, rx, ry in sorted(outlines)]
    assert shapes == pytest.approx([1, 9 / 4, 9 / 4], rel=0.02)
    foreign = page.get_by_test_id("others-measurement")
    expect(foreign.nth(0)).to_contain_text(f"area {in_mm:.1f} mm²")
    expect(foreign.nth(1)).to_contain_text(f"area {of_pixels:.0f} mm²")
    # Nothing tells which it is: as the standard has it, and said so.
    expect(foreign.nth(2)).to_contain_text(f"area {of_pixels:.0f} mm²")
    caveat = re.compile("no size that would tell")
    expect(foreign.nth(2)).to_contain_text(caveat)
    expect(foreign.nth(1)).not_to_contain_text(caveat)
    # A copy is of the shape that is shown.
    foreign.nth(1).get_by_test_id("take-over").click()
    expect(page.get_by_test_id("measurement")).to_have_attribute("data-kind", "ellipse")
