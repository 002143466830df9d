"""A tablet: one finger windows, two fingers zoom and pan, and what is under them stays true."""

from collections.abc import Iterator, Sequence

import pytest
from playwright.sync_api import CDPSession, Locator, Page, expect

from tests.e2e.support.browser import chromium
from tests.e2e.support.fixtures import FollowedStudy
from tests.e2e.support.node import Node
from tests.e2e.support.pointing import point_to

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

Points = Sequence[tuple[float, float]]
_STEPS = 12
# Cornerstone takes a touch so soon after the mouse for what the browser made of it.
_AFTER_MOUSE_MS = 2_100


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium(touch=True) as page:
        yield page


class Hand:
    """Fingers on a viewport; places are fractions of its width and height."""

    def __init__(self, page: Page, viewport: Locator) -> None:
        box = viewport.bounding_box()
        assert box is not None
        self._page, self._viewport, self._box = page, viewport, box
        self._session: CDPSession = page.context.new_cdp_session(page)

    def move(self, begin: Points, end: Points) -> None:
        """Put fingers down, move each to its end, and lift them."""
        self._page.wait_for_timeout(_AFTER_MOUSE_MS)
        self._send("touchStart", begin)
        for step in range(1, _STEPS + 1):
            part = step / _STEPS
            self._send(
                "touchMove",
                [
                    (x + (to_x - x) * part, y + (to_y - y) * part)
                    for (x, y), (to_x, to_y) in zip(begin, end, strict=True)
                ],
            )
            self._page.wait_for_timeout(40)
        self._send("touchEnd", [])
        self._page.wait_for_timeout(300)

    def column_at(self, x: float, y: float = 0.5) -> int:
        """The image's column under a place, as the page tells it of the pointer."""
        column, _ = point_to(self._page, self._viewport, x, y)
        return column

    def _at(self, x: float, y: float) -> tuple[float, float]:
        box = self._box
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def _send(self, kind: str, points: Points) -> None:
        placed = [
            {"x": left, "y": top, "id": number}
            for number, (left, top) in enumerate(self._at(x, y) for x, y in points)
        ]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": placed})


@pytest.mark.slow
def test_two_fingers_zoom_and_pan_and_one_changes_the_window(
    followed: FollowedStudy, node: Node, page: Page
) -> None:
    page.goto(f"{node.url}/study/?study={followed.study.study_instance_uid}")
    viewport = page.get_by_test_id("viewport").first
    expect(viewport).to_have_attribute("data-image-rendered", "true", timeout=60_000)
    expect(viewport).to_have_attribute("data-mask-loaded", "true", timeout=60_000)
    hand = Hand(page, viewport)
    width = hand.column_at(0.6) - hand.column_at(0.4)
    hand.move([(0.45, 0.5), (0.55, 0.5)], [(0.35, 0.5), (0.65, 0.5)])
    zoomed = hand.column_at(0.6) - hand.column_at(0.4)
    assert 0 < zoomed < 0.75 * width
    centre = hand.column_at(0.5)
    hand.move([(0.45, 0.4), (0.45, 0.6)], [(0.55, 0.4), (0.55, 0.6)])
    # What was in the middle went with the fingers.
    assert hand.column_at(0.6) == pytest.approx(centre, abs=3)
    assert hand.column_at(0.6) - hand.column_at(0.4) == pytest.approx(zoomed, abs=3)
    window = viewport.get_by_test_id("window-text")
    before = window.inner_text()
    hand.move([(0.5, 0.5)], [(0.6, 0.6)])
    assert window.inner_text() != before
