"""A person signs in with the keyboard; what a patient is called stays text."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from storage.reports.entities import ReportSection, ReportSentence
from tests import builders
from tests.api.access.closed import PASSWORD, ClosedNode
from tests.api.access.openid_connect.provider import CLIENT_ID, CLIENT_SECRET, Provider, provider
from tests.api.client import part10
from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.browser import chromium
from tests.e2e.support.guarded import confirm, guarded_node, sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

_SCRIPT = "<img src=x onerror=hit(1)>"
_EVIL = {
    # An equals sign parts a name's three spellings (PS3.5 6.2.1); this one has all three.
    "PatientName": _SCRIPT,
    "PatientID": '"><svg onload=hit(3)>',
    "StudyDescription": f"{{{{hit(4)}}}}{_SCRIPT}",
    "SeriesDescription": "<iframe srcdoc='<script>parent.hit(5)</script>'></iframe>",
    "AccessionNumber": "'onfocus=hit(6)",
}
_COUNT_HITS = "window.hits = []; window.hit = (number) => window.hits.push(number)"


@pytest.fixture
def identity() -> Iterator[Provider]:
    with provider() as running:
        running.claims = {"sub": "4711", "preferred_username": "grace", "roles": ["viewer"]}
        yield running


@pytest.fixture
def closed(tmp_path: Path, identity: Provider) -> Iterator[ClosedNode]:
    with guarded_node(
        tmp_path,
        oidc_issuer=identity.url,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=CLIENT_SECRET,
    ) as node:
        yield node


def store_evil_study(closed: ClosedNode) -> str:
    datasets = builders.t1_head((4, 32, 32))
    boundary = "part"
    body = b""
    for dataset in datasets:
        for name, value in _EVIL.items():
            setattr(dataset, name, value)
        body += b"--part\r\nContent-Type: application/dicom\r\n\r\n" + part10(dataset) + b"\r\n"
    with closed.with_key("modality", "integrator") as modality:
        answer = modality.post(
            "/dicom-web/studies",
            content=body + b"--part--\r\n",
            headers={
                "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}'
            },
        )
    assert answer.status_code == 200, answer.text
    return str(datasets[0].StudyInstanceUID)


def sign_in_by_keyboard(page: Page) -> None:
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("ada")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")


def test_a_person_is_led_to_the_sign_in_and_back_and_signs_out(
    closed: ClosedNode, guarded_page: Page
) -> None:
    page = guarded_page
    closed.storage.accounts.add("ada", PASSWORD, ["viewer"])
    page.goto(f"{closed.url}/?q=somebody")
    page.wait_for_url(re.compile(r"/sign-in/\?next="))
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("link", name="Sign in with your organisation")).to_be_visible()
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("ada")
    page.keyboard.press("Tab")
    page.keyboard.type("a wrong password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="Name or password")).to_be_visible()
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{closed.url}/?q=somebody")
    expect(page.get_by_test_id("signed-in")).to_contain_text("ada")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{closed.url}/sign-in/")
    page.goto(closed.url)
    page.wait_for_url(re.compile("/sign-in/"))


def test_a_person_comes_from_the_organisation(closed: ClosedNode, identity: Provider) -> None:
    with chromium() as page:
        page.goto(f"{closed.url}/sign-in/")
        page.get_by_role("link", name="Sign in with your organisation").click()
        page.wait_for_url(f"{closed.url}/")
        expect(page.get_by_test_id("signed-in")).to_contain_text("grace")
        identity.claims["roles"] = []
    with chromium() as page:
        page.goto(f"{closed.url}/sign-in/")
        page.get_by_role("link", name="Sign in with your organisation").click()
        alert = page.get_by_role("alert").filter(has_text="with your organisation failed")
        expect(alert).to_be_visible()


def test_what_a_patient_is_called_is_shown_and_never_run(closed: ClosedNode) -> None:
    study_instance_uid = store_evil_study(closed)
    closed.storage.accounts.add("ada", PASSWORD, ["radiologist"])
    with chromium() as page:
        page.add_init_script(_COUNT_HITS)
        page.goto(f"{closed.url}/sign-in/")
        sign_in_by_keyboard(page)
        row = page.locator(f"[data-study-instance-uid='{study_instance_uid}']")
        expect(row).to_contain_text("<img src")
        expect(row).to_contain_text(_SCRIPT)
        assert nothing_ran(page)
        # As text in the page's own markup, and in what it was told.
        assert "&lt;img src=x" in row.inner_html()
        row.get_by_role("link").click()
        expect(page.get_by_test_id("patient-name")).to_contain_text("<img src")
        expect(page.locator("body")).to_contain_text("<iframe srcdoc=")
        page.wait_for_timeout(500)
        assert nothing_ran(page)
        page.goto(f"{closed.url}/?q={_SCRIPT}")
        expect(page.get_by_role("searchbox")).to_have_value(_SCRIPT)
        assert nothing_ran(page)
        for path in (
            f"/api/studies/{study_instance_uid}",
            f"/dicom-web/studies/{study_instance_uid}/series",
        ):
            answer = page.request.get(f"{closed.url}{path}")
            assert "html" not in answer.headers["content-type"]
            assert answer.headers["x-content-type-options"] == "nosniff"


def nothing_ran(page: Page) -> bool:
    return bool(
        page.evaluate(
            "() => window.hits.length === 0 && !document.querySelector('img[src=\"x\"], iframe')"
        )
    )


def drafted(closed: ClosedNode, study_instance_uid: str) -> None:
    sentence = ReportSentence("The ventricles are not widened.", basis="person", origin="person")
    closed.storage.reports.offer(
        study_instance_uid,
        language="en",
        title="MRI of the head",
        sections=(ReportSection("Findings", (sentence,)),),
        basis_digest="1",
    )


def test_a_radiologist_signs_with_the_password_and_not_without(
    closed: ClosedNode, guarded_page: Page
) -> None:
    page = guarded_page
    study_instance_uid = store_evil_study(closed)
    drafted(closed, study_instance_uid)
    closed.storage.accounts.add("ada", PASSWORD, ["radiologist"])
    closed.storage.accounts.set_person_name("ada", "Lovelace^Ada^^Dr.")
    sign_in(page, closed, "ada", f"/study/?study={study_instance_uid}")
    page.get_by_role("tab", name="Report").click()
    panel = page.get_by_test_id("report-panel")
    panel.get_by_role("button", name="Sign", exact=True).click()
    # First what is open, then who signs.
    open_points = page.get_by_test_id("sign-dialog")
    expect(open_points).to_contain_text("No open points.")
    open_points.get_by_test_id("confirm-sign").click()
    asked = page.get_by_test_id("confirmation")
    expect(open_points).to_have_count(0)
    expect(asked).to_contain_text("To sign a report, show again who you are.")
    password = asked.get_by_label("Password of ada")
    expect(password).to_be_focused()
    assert serious_findings(page) == []
    # Who closes the question signs nothing, nor does a wrong password.
    page.keyboard.press("Escape")
    expect(asked).to_have_count(0)
    expect(panel).to_have_attribute("data-state", "draft")
    panel.get_by_role("button", name="Sign", exact=True).click()
    open_points.get_by_test_id("confirm-sign").click()
    password.fill("a wrong password")
    page.keyboard.press("Enter")
    expect(asked.get_by_role("alert")).to_contain_text("password is wrong")
    expect(panel).to_have_attribute("data-state", "draft")
    confirm(page, "ada")
    expect(panel).to_have_attribute("data-state", "final")
    expect(panel).to_contain_text("Signed by ada")
    (report,) = closed.storage.reports.of_study(study_instance_uid)
    assert (report.signed_by_id, report.signed_name) == ("account:ada", "Lovelace^Ada^^Dr.")


@pytest.mark.slow
def test_a_radiologist_of_the_organisation_signs_after_another_sign_in_there(
    closed: ClosedNode, identity: Provider
) -> None:
    study_instance_uid = store_evil_study(closed)
    drafted(closed, study_instance_uid)
    identity.claims["roles"] = ["radiologist"]
    with chromium("Failed to load resource") as page:
        page.goto(f"{closed.url}/sign-in/?next=/study/?study={study_instance_uid}")
        page.get_by_role("link", name="Sign in with your organisation").click()
        page.get_by_role("tab", name="Report").click()
        panel = page.get_by_test_id("report-panel")
        panel.get_by_role("button", name="Sign", exact=True).click()
        page.get_by_test_id("confirm-sign").click()
        asked = page.get_by_test_id("confirmation")
        link = asked.get_by_role("link", name="Sign in again with your organisation")
        # The provider has a session of its own, and asks for nothing: that is not enough.
        with page.context.expect_page() as other:
            link.click()
        expect(other.value.get_by_role("status")).to_contain_text("did not confirm")
        other.value.close()
        asked.get_by_role("button", name="Continue").click()
        expect(asked).to_be_visible()
        identity.spoil = {"auth_time": int(time.time())}
        with page.context.expect_page() as other:
            link.click()
        expect(other.value.get_by_role("status")).to_contain_text("Close this tab")
        other.value.close()
        asked.get_by_role("button", name="Continue").click()
        expect(panel).to_have_attribute("data-state", "final")
    (report,) = closed.storage.reports.of_study(study_instance_uid)
    assert report.signed_by_id == f"oidc:{identity.url} 4711"
