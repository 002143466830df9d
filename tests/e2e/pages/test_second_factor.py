"""A person chooses a password, sets a second factor up and signs in by it, in the browser."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Page, expect

from tests.api.access.closed import PASSWORD, ClosedNode, closed_node, closed_settings
from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.guarded import confirm

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

NEW_PASSWORD = "four words that nobody knows"


@pytest.fixture
def named(tmp_path: Path) -> Iterator[ClosedNode]:
    """A node that is reached by a name, where admins need a second factor."""
    from api.server.viewer_files import is_viewer_built

    settings = closed_settings(tmp_path, second_factor_roles="admin")
    settings = settings.model_copy(update={"public_url": f"http://localhost:{settings.http_port}"})
    if not is_viewer_built(settings):
        pytest.skip("The viewer is not built: make viewer.")
    with closed_node(settings) as node:
        yield node


def give_password(page: Page, url: str, name: str, password: str) -> None:
    page.goto(f"{url}/sign-in/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile("/sign-in/"))


def test_from_the_initial_password_to_the_second_factor(
    named: ClosedNode, guarded_page: Page
) -> None:
    page, url = guarded_page, named.storage.settings.public_url
    named.storage.accounts.add("root", PASSWORD, ["admin"], must_change_password=True)
    give_password(page, url, "root", PASSWORD)
    expect(page.get_by_role("heading", name="Choose a password of your own")).to_be_visible()
    expect(page.get_by_label("Current password")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    page.get_by_label("Repeat new password").fill(NEW_PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Set up a second factor")).to_be_visible()
    page.get_by_role("button", name="Set up an authenticator app").click()
    expect(page.get_by_role("img", name="QR code for the authenticator app")).to_be_visible()
    assert serious_findings(page) == []
    app = pyotp.TOTP(page.get_by_test_id("totp-secret").inner_text())
    page.get_by_label("Code", exact=True).fill(app.now())
    page.keyboard.press("Enter")
    shown = page.get_by_test_id("recovery-codes").get_by_role("listitem")
    expect(shown).to_have_count(10)
    codes = shown.all_inner_texts()
    page.get_by_role("button", name="I have saved them").click()
    expect(page.get_by_test_id("signed-in")).to_contain_text("root")
    sign_out(page)

    give_password(page, url, "root", NEW_PASSWORD)
    code = page.get_by_label("Code of the authenticator app")
    expect(code).to_be_focused()
    assert serious_findings(page) == []
    # A page of the node leads back here until the code was right.
    page.goto(f"{url}/admin/")
    page.wait_for_url(re.compile("/sign-in/"))
    code.fill("000000")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("problem")).to_contain_text("not the right one")
    # The one of just now counts once; the next is taken already.
    code.fill(app.at(time.time() + 30))
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("signed-in")).to_contain_text("root")
    sign_out(page)

    give_password(page, url, "root", NEW_PASSWORD)
    page.get_by_role("button", name="Use a recovery code instead").click()
    page.get_by_label("Recovery code").fill(codes[0].lower())
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("signed-in")).to_contain_text("root")


@pytest.mark.slow
def test_a_security_key_signs_in_and_sessions_are_ended(
    named: ClosedNode, guarded_page: Page
) -> None:
    page, url = guarded_page, named.storage.settings.public_url
    # Chromium's own authenticator in software, as its developer tools have it.
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    tools.send(
        "WebAuthn.addVirtualAuthenticator",
        {"options": {"protocol": "ctap2", "transport": "usb", "automaticPresenceSimulation": True}},
    )
    with named.signed_in("ada", "radiologist") as elsewhere:
        give_password(page, url, "ada", PASSWORD)
        page.get_by_role("link", name="Your account: ada").click()
        expect(page.get_by_test_id("own-session")).to_have_count(2)
        page.get_by_role("button", name="Sign out everywhere else").click()
        confirm(page, "ada")
        expect(page.get_by_test_id("own-session")).to_have_count(1)
        assert elsewhere.get("/api/studies").status_code == 401
    # The confirmation of a moment ago still counts.
    page.get_by_role("button", name="Register a security key").click()
    expect(page.get_by_test_id("recovery-codes")).to_be_visible()
    page.get_by_role("button", name="I have saved them").click()
    expect(page.get_by_test_id("second-factor")).to_contain_text("never used")
    assert serious_findings(page) == []
    page.goto(f"{url}/")
    sign_out(page)
    give_password(page, url, "ada", PASSWORD)
    page.get_by_role("button", name="Use a security key").click()
    expect(page.get_by_test_id("signed-in")).to_contain_text("ada")
    page.get_by_role("link", name="Your account: ada").click()
    expect(page.get_by_test_id("second-factor")).to_contain_text("last used")
