"""A node that asks who one is, without workers, and a browser before it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from api.server.viewer_files import is_viewer_built
from tests.api.access.closed import PASSWORD, ClosedNode, closed_node, closed_settings
from tests.e2e.support.browser import chromium


@contextmanager
def guarded_node(folder: Path, **options: Any) -> Iterator[ClosedNode]:
    settings = closed_settings(folder, **options)
    if not is_viewer_built(settings):
        pytest.skip("The viewer is not built: make viewer.")
    with closed_node(settings) as node:
        yield node


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[ClosedNode]:
    with guarded_node(tmp_path, webhook_hosts=("127.0.0.1",)) as node:
        yield node


@pytest.fixture
def guarded_page() -> Iterator[Page]:
    # A node without its other processes is degraded, and a stranger is refused: both are answers.
    with chromium("Failed to load resource") as page:
        yield page


def sign_in(page: Page, node: ClosedNode, name: str, next_page: str) -> None:
    """As an account that is there already; ends on `next_page`."""
    page.goto(f"{node.url}/sign-in/?next={quote(next_page)}")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    # The address of the sign-in names the page to come: the page itself must be seen.
    expect(page.get_by_role("heading", name="Sign in")).to_have_count(0)


def confirm(page: Page, name: str) -> None:
    """Show again who one is, where the page asks for it."""
    asked = page.get_by_test_id("confirmation")
    asked.get_by_label(f"Password of {name}").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(asked).to_have_count(0)
