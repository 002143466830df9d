"""A person looks at the own account and changes the own password."""

import pytest
from playwright.sync_api import Page, expect

from tests.api.access.closed import PASSWORD, ClosedNode
from tests.api.access.closed import sign_in as asked_to_sign_in
from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.guarded import sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

NEW_PASSWORD = "four words that nobody knows"


# The form is that of test_second_factor.py; test_sessions.py of the API shows what it does.
@pytest.mark.slow
def test_a_password_is_changed_by_who_knows_the_old_one(
    guarded: ClosedNode, guarded_page: Page
) -> None:
    page = guarded_page
    with guarded.signed_in("ada", "radiologist") as elsewhere:
        sign_in(page, guarded, "ada", "/")
        page.get_by_role("link", name="Your account: ada").click()
        expect(page.get_by_test_id("account")).to_contain_text("radiologist")
        assert serious_findings(page) == []
        # By keyboard, as one writes: a wrong old password, two new ones that differ, then right.
        current = page.get_by_label("Current password")
        for old, again in (
            ("mistyped", NEW_PASSWORD),
            (PASSWORD, "other"),
            (PASSWORD, NEW_PASSWORD),
        ):
            current.fill(old)
            page.keyboard.press("Tab")
            page.keyboard.type(NEW_PASSWORD)
            page.keyboard.press("Tab")
            page.get_by_label("Repeat new password").fill(again)
            page.keyboard.press("Enter")
            if old != PASSWORD:
                expect(page.get_by_test_id("problem")).to_contain_text("is wrong")
            elif again != NEW_PASSWORD:
                assert page.evaluate("document.querySelector('form').checkValidity()") is False
        expect(page.get_by_role("status").filter(has_text="Password changed")).to_be_visible()
        expect(current).to_have_value("")
        assert elsewhere.get("/api/studies").status_code == 401
    page.reload()
    expect(page.get_by_test_id("account")).to_be_visible()
    with guarded.client() as client:
        assert asked_to_sign_in(client, "ada").status_code == 401
        assert asked_to_sign_in(client, "ada", NEW_PASSWORD).status_code == 200
