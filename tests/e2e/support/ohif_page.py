"""What a test does with a page of OHIF that is slow to draw."""

import time
from collections.abc import Callable

from playwright.sync_api import Locator, Page

from tests.patience import PATIENCE_S


def drawn_again(viewport: Locator, page: Page) -> bool:
    """Another slice and back. In about half of its runs OHIF shows a report's image before its
    own overlays listen, and draws neither lines nor the letters of orientation until then."""
    place = viewport.bounding_box()
    assert place is not None
    page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    for by in (100, -100):
        page.mouse.wheel(0, by)
        page.wait_for_timeout(400)
    return True


def wait_until(look: Callable[[], bool], page: Page, limit_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + limit_s
    while not look():
        assert time.monotonic() < deadline, "OHIF did not show it in time"
        page.wait_for_timeout(300)
