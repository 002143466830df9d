"""What other systems measured is shown under their name, and is the reader's by a copy alone."""

import copy
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
