"""The pointer over a viewport, and what is seen there, however long a busy machine takes."""

import io
import time

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page, expect

_LIMIT_S = 30.0
_POINTED_LIMIT_S = 3.0
_LEAST_CHANGE = 0.01


def seen(viewport: Locator, unlike: NDArray[np.int16] | None = None) -> NDArray[np.int16]:
    """A picture of shape (rows, columns, 3) once two in a row are the same.

    With `unlike`, once more than one part in a hundred differs from that earlier one.
    """
    deadline = time.monotonic() + _LIMIT_S
    last = _picture(viewport)
    while time.monotonic() < deadline:
        viewport.page.wait_for_timeout(150)
        now = _picture(viewport)
        if np.array_equal(now, last) and (unlike is None or _change(now, unlike) > _LEAST_CHANGE):
            return now
        last = now
    raise AssertionError("The viewport does not come to rest, or does not change.")


def point_to(page: Page, viewport: Locator, x: float, y: float) -> tuple[int, int]:
    """Move the pointer to a share of the viewport; column and row of the pixel that lies there."""
    box = viewport.bounding_box()
    assert box is not None
    before = _pointed(viewport)
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=3)
    expect(viewport.get_by_test_id("cursor-value")).to_be_attached()
    deadline = time.monotonic() + _POINTED_LIMIT_S
    while True:
        page.wait_for_timeout(120)
        now = _pointed(viewport)
        # Where the new place is in the pixel of the old one, nothing changes.
        if now is not None and (now != before or time.monotonic() > deadline):
            page.wait_for_timeout(60)
            return _pointed(viewport) or now


def _pointed(viewport: Locator) -> tuple[int, int] | None:
    value = viewport.get_by_test_id("cursor-value")
    if not value.count():
        return None
    column, row = (value.get_attribute(f"data-{one}") for one in ("column", "row"))
    return int(column or -1), int(row or -1)


def _picture(viewport: Locator) -> NDArray[np.int16]:
    return np.asarray(Image.open(io.BytesIO(viewport.screenshot())).convert("RGB"), np.int16)


def _change(now: NDArray[np.int16], before: NDArray[np.int16]) -> float:
    return float((np.abs(now - before).max(axis=2) > 10).mean())
