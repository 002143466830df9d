"""An administrator looks after what came in and goes out: studies, conflicts, webhooks, layouts."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.api.access.closed import PASSWORD, ClosedNode
from tests.api.client import part10, png
from tests.api.webhooks.receiver import notified_until, receiver
from tests.builders import t1_head
from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.guarded import confirm, sign_in
from tests.inference.orchestration import complete_series

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture
def admin_page(guarded: ClosedNode, guarded_page: Page) -> Page:
    guarded.storage.accounts.add("root", PASSWORD, ["admin"])
    sign_in(guarded_page, guarded, "root", "/admin/")
    return guarded_page


def open_part(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Administration").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def surely(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()
    page.get_by_role("button", name=f"Confirm: {name}", exact=True).click()


def test_a_webhook_gets_another_secret_and_a_notice_once_more(
    guarded: ClosedNode, admin_page: Page
) -> None:
    page, storage = admin_page, guarded.storage
    with receiver() as hook:
        open_part(page, "Webhooks")
        page.get_by_label("URL").fill(hook.url)
        page.get_by_label("Events").fill("*")
        page.get_by_label("Description").fill("RIS of the ward")
        page.get_by_role("button", name="Add", exact=True).click()
        confirm(page, "root")
        first = page.get_by_test_id("secret").inner_text()
        row = page.get_by_test_id("webhook")
        expect(row).to_contain_text("RIS of the ward")
        complete_series(storage, "notified")
        notified_until(storage, lambda: bool(hook.received))
        before = len(hook.received)
        row.get_by_role("button", name=f"Notifications: {hook.url}").click()
        notice = page.get_by_test_id("notice").first
        expect(notice).to_have_attribute("data-state", "delivered")
        assert serious_findings(page) == []
        notice.get_by_role("button", name="Try again").click()
        notified_until(storage, lambda: len(hook.received) > before)
        assert hook.received[-1][0]["webhook-id"] in {
            headers["webhook-id"] for headers, _ in hook.received[:before]
        }
        surely(page, f"New secret: {hook.url}")
        expect(page.get_by_test_id("secret")).not_to_have_text(first)
        assert page.get_by_test_id("secret").inner_text().startswith("whsec_")
        row.get_by_role("button", name=f"Change: {hook.url}").click()
        form = page.get_by_role("form", name=f"Change: {hook.url}")
        form.get_by_label("Events").fill("study.complete")
        form.get_by_role("button", name="Save").click()
        expect(form).to_have_count(0)
        expect(row).to_contain_text("study.complete")


@pytest.mark.slow
def test_both_files_of_a_conflict_are_downloaded(guarded: ClosedNode, admin_page: Page) -> None:
    storage = guarded.storage
    series = t1_head((2, 8, 8))
    for dataset in series:
        storage.ingest.accept(part10(dataset), "test")
    held = part10(series[0])
    series[0].SeriesDescription = "corrected"
    later = part10(series[0])
    assert storage.ingest.accept(later, "dimse:CT1").outcome == "conflict"
    open_part(admin_page, "Conflicts")
    for name, content in (("Stored", held), ("New", later)):
        with admin_page.expect_download() as download:
            admin_page.get_by_role("link", name=f"File (DICOM): {name}").click()
        assert download.value.path().read_bytes() == content
        assert download.value.suggested_filename.endswith(".dcm")


@pytest.mark.slow
def test_a_series_is_expected_completed_and_deleted(guarded: ClosedNode, admin_page: Page) -> None:
    page, storage = admin_page, guarded.storage
    series = t1_head((3, 8, 8))
    for dataset in series[:2]:
        storage.ingest.accept(part10(dataset), "test")
    open_part(page, "Studies")
    page.get_by_label("Name, patient ID").fill(str(series[0].PatientID))
    page.get_by_role("button", name="Search", exact=True).click()
    study = page.get_by_test_id("stored-study")
    study.get_by_role("button", name="Series: ").click()
    row = page.get_by_test_id("stored-series")
    expect(row).to_have_attribute("data-state", "receiving")
    row.get_by_label("Expected instances: ").fill("3")
    row.get_by_role("button", name="Announce: ").click()
    expect(row.get_by_test_id("announced")).to_contain_text("3 entered here")
    (announced,) = storage.expectations.of_series(series[0].SeriesInstanceUID)
    assert (announced.instance_count, announced.is_final) == (3, True)
    assert serious_findings(page) == []
    row.get_by_role("button", name="Withdraw: ").click()
    expect(row.get_by_test_id("announced")).to_contain_text("none")
    row.get_by_role("button", name="Mark complete: ").click()
    expect(row).to_have_attribute("data-state", "complete")
    study.get_by_role("button", name="Delete study: ").click()
    expect(study).to_be_visible()
    study.get_by_role("button", name="Confirm: Delete study: ").click()
    expect(study).to_have_count(0)
    assert storage.index.instances_of(series[0].StudyInstanceUID) == []


@pytest.mark.slow
def test_the_site_lays_out_studies_its_own_way(guarded: ClosedNode, admin_page: Page) -> None:
    page = admin_page
    open_part(page, "Hanging protocols")
    expect(page.get_by_test_id("protocol").first).to_be_visible()
    shipped = page.get_by_test_id("protocol").count()
    assert shipped > 3
    page.get_by_text("Edit as JSON").click()
    text = page.get_by_label("All protocols as JSON")
    take = page.get_by_role("button", name="Save this text")
    kept = text.input_value()
    text.fill(kept[:-5])
    take.click()
    expect(page.get_by_test_id("problem")).to_contain_text("Not valid JSON: ")
    own: dict[str, Any] = {"name": "Hips", "modalities": ["CR"], "rows": 1, "columns": 1}
    text.fill(json.dumps({"protocols": [own]}))
    take.click()
    confirm(page, "root")
    # What it means is read by the node alone.
    expect(page.get_by_test_id("problem")).to_contain_text("viewports")
    text.fill(json.dumps({"protocols": [{**own, "viewports": [{}]}]}))
    take.click()
    expect(page.get_by_test_id("protocol-choice")).to_have_text(["1. Hips"])
    expect(page.get_by_test_id("protocol")).to_have_count(1)
    expect(page.get_by_test_id("protocol")).to_contain_text("Hips")
    # The form has what the text left out.
    page.get_by_test_id("protocol-name").fill("Hip joints")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_test_id("protocol")).to_contain_text("Hip joints")
    assert serious_findings(page) == []
    surely(page, "Restore defaults")
    expect(page.get_by_test_id("protocol")).to_have_count(shipped)
    assert text.input_value() == kept


@pytest.mark.slow
def test_a_procedure_is_ordered_and_the_order_removed(
    guarded: ClosedNode, admin_page: Page
) -> None:
    page = admin_page
    open_part(page, "Orders")
    page.get_by_text("Order a procedure").click()
    form = page.get_by_role("form", name="Order a procedure")
    for label, value in (
        ("Patient name", "Doe^Jane"),
        ("Patient ID", "P1"),
        ("Accession number", "A1"),
        ("Modality", "mr"),
        ("Station AE title", "MR1"),
        ("Scheduled date", "2026-01-31"),
        ("Time", "14:30"),
    ):
        form.get_by_label(label).fill(value)
    form.get_by_label("Sex").select_option("F")
    assert serious_findings(page) == []
    form.get_by_role("button", name="Add").click()
    order = page.get_by_test_id("order")
    expect(order).to_contain_text("Doe, Jane")
    (item,) = guarded.storage.worklist.list()[0]
    assert item.state == "SCHEDULED"
    surely(page, "Cancel order: A1")
    expect(order).to_have_attribute("data-state", "cancelled")
    surely(page, "Remove: A1")
    expect(order).to_have_count(0)


@pytest.mark.slow
def test_jobs_are_ordered_about_and_an_analysed_picture_is_deleted(
    guarded: ClosedNode, admin_page: Page
) -> None:
    page, storage = admin_page, guarded.storage
    storage.objects.put("pictures/wound", png())
    job, _ = storage.jobs.schedule(
        "image-segmentation", "1.0.0", "", "", "f" * 64, input_object_key="pictures/wound"
    )
    job_id = job.job_id
    open_part(page, "Jobs")
    row = page.locator(f"[data-testid=admin-job][data-job-id='{job_id}']")
    expect(row).to_contain_text("Single image")
    row.get_by_role("button", name="STAT: ").click()
    expect(row.get_by_role("button", name="STAT: ")).to_have_count(0)
    assert storage.jobs.get(job_id).priority == 100
    row.get_by_role("button", name="Cancel: ").click()
    expect(row).to_have_attribute("data-state", "cancelled")
    page.get_by_label("Show").select_option("completed")
    expect(row).to_have_count(0)
    page.get_by_label("Show").select_option("cancelled")
    row.get_by_role("button", name="Delete image: ").click()
    row.get_by_role("button", name="Confirm: Delete image: ").click()
    expect(row).to_have_count(0)
