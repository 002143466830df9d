"""An administrator links two IDs of a patient, takes that back, and undoes a merge."""

import pytest
from playwright.sync_api import Locator, Page, expect

from storage.core.clock import utcnow
from storage.patient_identity.entities import Origin, PatientKey, Statement
from tests.api.access.closed import PASSWORD, ClosedNode
from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.guarded import sign_in
from tests.storage.instances import part10

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]


def fill_in(page: Page, one: str, other: str, reason: str) -> None:
    form = page.get_by_role("form", name="Link two IDs")
    form.get_by_label("Patient ID", exact=True).fill(one)
    form.get_by_label("Other patient ID").fill(other)
    form.get_by_label("Reason").fill(reason)
    form.get_by_role("button", name="Link two IDs").click()


def test_ids_are_linked_and_changes_are_taken_back(guarded: ClosedNode, guarded_page: Page) -> None:
    page, storage = guarded_page, guarded.storage
    storage.accounts.add("root", PASSWORD, ["admin"])
    for study, patient_id, name in (("s", "A", "Muster^Anna"), ("t", "B", "Muster^Anna-Maria")):
        storage.ingest.accept(part10(study, PatientID=patient_id, PatientName=name), "test")
    sign_in(page, guarded, "root", "/admin/?part=patients")
    page.get_by_text("Link two IDs").first.click()
    form = page.get_by_role("form", name="Link two IDs")
    fill_in(page, "A", "A", "the same card twice")
    expect(form).to_contain_text("Both patients of the link have the same ID.")
    expect(form.get_by_label("Reason")).to_have_value("the same card twice")
    fill_in(page, "A", "B", "one person, two cards")
    expect(form.get_by_role("status")).to_contain_text("1 study")
    assert storage.patient_changes.linked_with(PatientKey("A", "")) == [PatientKey("B", "")]
    row = page.get_by_test_id("patient-change")
    expect(row).to_contain_text("linked with")
    assert serious_findings(page) == []
    page.get_by_text("Look up in the hospital").first.click()
    page.get_by_label("Family name").fill("Muster")
    page.get_by_role("button", name="Look up", exact=True).click()
    expect(page.get_by_text("Set MEDIVIEW_PDQ_URL.")).to_be_visible()
    take_back(row, "Unlink", "they are twins")
    assert storage.patient_changes.linked_with(PatientKey("A", "")) == []


def test_a_merge_is_taken_back(guarded: ClosedNode, guarded_page: Page) -> None:
    page, storage = guarded_page, guarded.storage
    storage.accounts.add("root", PASSWORD, ["admin"])
    for study, patient_id in (("s", "A"), ("t", "B")):
        storage.ingest.accept(part10(study, PatientID=patient_id, PatientName="M^A"), "test")
    merge = Statement("merge", PatientKey("A", ""), prior=PatientKey("B", ""))
    storage.patient_changes.record([merge], Origin("ris", "hl7:RIS"), utcnow())
    assert patients(guarded) == {"A"}
    sign_in(page, guarded, "root", "/admin/?part=patients")
    row = page.get_by_test_id("patient-change")
    expect(row).to_contain_text("B merged into A")
    take_back(row, "Undo", "two people")
    assert patients(guarded) == {"A", "B"}


def take_back(row: Locator, word: str, reason: str) -> None:
    row.locator("summary").click()
    row.get_by_label("Reason").fill(reason)
    row.get_by_role("button").click()
    row.get_by_role("button", name=f"Confirm: {word}").click()
    expect(row).to_contain_text("undone by root")


def patients(guarded: ClosedNode) -> set[str]:
    """Whose the studies are."""
    studies, _ = guarded.storage.index.studies(9, 0)
    return {one.patient_id for one in studies}
