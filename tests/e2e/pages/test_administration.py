"""An administrator adds a peer and tests it, makes a user and a key, and searches the trail."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from storage.core.clock import utcnow
from storage.reports.entities import Report
from tests.api.access.closed import PASSWORD, ClosedNode
from tests.api.worklist.test_worklist import ITEM
from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.browser import keep_screenshot
from tests.e2e.support.guarded import confirm
from tests.e2e.support.guarded import sign_in as sign_in_to
from tests.services import free_port, storescp

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

_PARTS = ("node", "studies", "jobs", "peers", "deliveries", "hl7", "priors", "orders",
          "conflicts", "rules", "hanging", "models", "webhooks", "users", "keys", "accessGroups",
          "audit")  # fmt: skip


@pytest.fixture
def closed(guarded: ClosedNode) -> ClosedNode:
    return guarded


@pytest.fixture
def page(guarded_page: Page) -> Page:
    return guarded_page


def sign_in(page: Page, closed: ClosedNode, name: str, part: str) -> None:
    sign_in_to(page, closed, name, f"/admin/?part={part}")


def test_a_peer_is_added_and_tested_until_it_answers(
    closed: ClosedNode, page: Page, tmp_path: Path
) -> None:
    closed.storage.accounts.add("root", PASSWORD, ["admin"])
    dead = free_port()
    with storescp(tmp_path, ae_title="ARCHIVE") as archive:
        sign_in(page, closed, "root", "peers")
        page.get_by_role("button", name="Add a peer").click()
        page.get_by_label("Name").fill("archive")
        page.get_by_label("AE title").fill("ARCHIVE")
        page.get_by_label("Host").fill("127.0.0.1")
        page.get_by_label("Port").fill(str(dead))
        page.get_by_role("checkbox", name="Receives results").check()
        page.get_by_role("button", name="Save").click()
        confirm(page, "root")
        row = page.locator("[data-testid=peer][data-peer=archive]")
        row.get_by_role("button", name="Test archive").click()
        expect(row.get_by_test_id("peer-test")).to_contain_text("Not reachable")
        row.get_by_role("button", name="Change: archive").click()
        page.get_by_label("Port").fill(str(archive.port))
        page.get_by_role("button", name="Save").click()
        expect(row).to_contain_text(f"ARCHIVE@127.0.0.1:{archive.port}")
        row.get_by_role("button", name="Test archive").click()
        expect(row.get_by_test_id("peer-test")).to_contain_text("Reachable")
        keep_screenshot(page, "peers")
        row.get_by_role("button", name="Remove: archive").click()
        expect(row).to_be_visible()
        row.get_by_role("button", name="Confirm: Remove: archive").click()
        expect(row).to_have_count(0)


def test_a_user_and_a_key_are_made_and_the_trail_tells_of_it(
    closed: ClosedNode, page: Page
) -> None:
    closed.storage.accounts.add("root", PASSWORD, ["admin"])
    sign_in(page, closed, "root", "users")
    page.get_by_label("Name").fill("grace")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Add user").click()
    confirm(page, "root")
    expect(page.locator("[data-testid=user][data-user=grace]")).to_contain_text("radiologist")
    page.get_by_role("link", name="Keys").click()
    expect(page.get_by_role("button", name="Create key")).to_be_visible()
    page.get_by_label("Name").fill("ris")
    page.get_by_role("button", name="Create key").click()
    secret = page.get_by_test_id("secret").inner_text()
    with closed.client(headers={"Authorization": f"Bearer {secret}"}) as program:
        assert program.get("/api/studies").status_code == 200
        row = page.locator("[data-testid=key][data-key=ris]")
        row.get_by_role("button", name="Revoke: ris").click()
        row.get_by_role("button", name="Confirm: Revoke: ris").click()
        expect(row).to_contain_text("revoked")
        assert program.get("/api/studies").status_code == 401
    page.reload()
    expect(page.get_by_test_id("secret")).to_have_count(0)
    assert secret not in page.content()
    page.get_by_role("link", name="Audit trail").click()
    page.get_by_label("Text").fill("grace")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_test_id("audit-event").first).to_contain_text("root")
    page.get_by_role("button", name="Verify chain").click()
    expect(page.get_by_test_id("verification")).to_contain_text("The chain is intact")


@pytest.mark.slow
def test_an_access_group_gets_a_member_and_goes_again(closed: ClosedNode, page: Page) -> None:
    closed.storage.accounts.add("root", PASSWORD, ["admin"])
    groups = closed.storage.access_groups
    sign_in(page, closed, "root", "accessGroups")
    policy = page.get_by_test_id("access-policy")
    expect(policy).to_contain_text("Not enforced: everyone sees every study")
    page.get_by_label("Name", exact=True).fill("Radiology North")
    rule = page.get_by_label("Rule as JSON")
    rule.fill('{"InstitutionName": ')
    page.get_by_role("button", name="Add group").click()
    expect(page.get_by_test_id("problem")).to_contain_text("Not valid JSON")
    rule.fill('{"InstitutionName": "North"}')
    page.get_by_role("button", name="Add group").click()
    confirm(page, "root")
    row = page.locator("[data-testid=access-group][data-group='Radiology North']")
    expect(row).to_contain_text('{"InstitutionName":"North"}')
    row.get_by_role("button", name="Members: Radiology North").click()
    page.get_by_label("Name, key ID").fill("ada")
    page.get_by_role("button", name="Add member").click()
    members = page.get_by_role("list", name="Members: Radiology North")
    expect(members).to_contain_text("ada")
    assert [one.subject for one in groups.members("Radiology North")] == ["ada"]
    keep_screenshot(page, "access-groups")
    members.get_by_role("button", name="Remove: ada").click()
    members.get_by_role("button", name="Confirm: Remove: ada").click()
    expect(members).to_contain_text("No members.")
    row.get_by_role("button", name="Remove: Radiology North").click()
    row.get_by_role("button", name="Confirm: Remove: Radiology North").click()
    expect(row).to_have_count(0)
    assert {one.name for one in groups.all()} == {"administrators", "everyone"}


@pytest.mark.slow
def test_a_message_that_was_given_up_is_sent_again_and_an_order_called_off(
    closed: ClosedNode, page: Page
) -> None:
    closed.storage.accounts.add("root", PASSWORD, ["admin"])
    messages, now = closed.storage.hl7_outbox, utcnow()
    report = Report("a" * 36, "1.2.3", "", "final", "en", "MRI of the head", (), now, now)
    messages.enqueue("ris", report, 2)
    message = closed.storage.hl7_sending.claim_due("w", 30.0, utcnow(), "ris")
    assert message is not None
    closed.storage.hl7_sending.dead(message.message_id, "w", "The system answered AR.")
    with closed.with_key("orders", "integrator") as ris:
        assert ris.post("/api/worklist", json=ITEM).status_code == 201
    sign_in(page, closed, "root", "hl7")
    row = page.get_by_test_id("hl7-message")
    expect(row).to_contain_text("The system answered AR.")
    expect(row).to_contain_text("Report, version 2")
    row.get_by_role("button", name="Try again").click()
    expect(row).to_have_attribute("data-state", "pending")
    page.get_by_role("link", name="Orders").click()
    order = page.get_by_test_id("order")
    expect(order).to_contain_text("A1")
    expect(order).to_contain_text("2026-01-31 14:30:00 MR1")
    order.get_by_role("button", name="Cancel order: A1").click()
    order.get_by_role("button", name="Confirm: Cancel order: A1").click()
    expect(order).to_have_attribute("data-state", "cancelled")
    assert [one.state for one in closed.storage.worklist.list()[0]] == ["CANCELED"]


@pytest.mark.slow
def test_every_part_is_accessible_and_empty_ones_say_so(closed: ClosedNode, page: Page) -> None:
    closed.storage.accounts.add("root", PASSWORD, ["admin"])
    sign_in(page, closed, "root", "node")
    for part in _PARTS:
        page.goto(f"{closed.url}/admin/?part={part}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_text("Loading…")).to_have_count(0)
        expect(page.get_by_test_id("problem")).to_have_count(0)
        assert serious_findings(page) == [], part


@pytest.mark.slow
def test_one_who_is_no_administrator_is_told_so(closed: ClosedNode, page: Page) -> None:
    closed.storage.accounts.add("ada", PASSWORD, ["radiologist"])
    sign_in(page, closed, "ada", "keys")
    expect(page.get_by_role("heading", level=1)).to_have_text("For administrators")
    expect(page.get_by_test_id("not-allowed")).to_contain_text("signed in as ada (radiologist)")
    assert serious_findings(page) == []
    expect(page.get_by_role("button", name="Create key")).to_have_count(0)


@pytest.mark.slow
def test_rules_are_tried_on_studies_and_saved(closed: ClosedNode, page: Page) -> None:
    closed.storage.accounts.add("root", PASSWORD, ["admin"])
    sign_in(page, closed, "root", "rules")
    editor = page.get_by_test_id("rules-editor")
    editor.get_by_role("textbox", name="rules.yaml").fill("routing: [{name: x, tp: archive}]")
    editor.get_by_role("button", name="Try on").click()
    expect(editor.get_by_text("'tp' is not an entry")).to_be_visible()
    editor.get_by_role("textbox", name="rules.yaml").fill(
        "routing: [{name: all away, when: {Modality: MR}, to: archive}]"
    )
    editor.get_by_role("button", name="Try on").click()
    counts = page.get_by_role("table", name="For how many studies")
    expect(counts.get_by_role("row", name="all away Routing")).to_be_visible()
    editor.get_by_label("Reason for the change").fill("Archive MR")
    editor.get_by_role("button", name="Save").click()
    confirm(page, "root")
    expect(editor.get_by_role("row", name="Archive MR")).to_contain_text("in force")
    editor.get_by_role("button", name="Show changes").click()
    expect(page.get_by_test_id("rule-version")).to_contain_text("all away")
    assert serious_findings(page) == []
