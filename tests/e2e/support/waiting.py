"""Waiting for what a page computes, where no locator shows it."""

import time
from typing import Any

from playwright.sync_api import Page

from tests.patience import PATIENCE_S

_POLL_MS = 100


def wait_until(page: Page, expression: str, arg: Any = None) -> None:
    """Until the expression, or the function called with `arg`, gives something true.

    Playwright's own `wait_for_function` makes code of text within the page, which the viewer's
    Content-Security-Policy forbids.
    """
    until_s = time.monotonic() + PATIENCE_S
    while not page.evaluate(expression, arg):
        if time.monotonic() > until_s:
            raise AssertionError(f"Not true within {PATIENCE_S} s: {expression}")
        page.wait_for_timeout(_POLL_MS)
