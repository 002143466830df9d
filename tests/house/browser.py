"""Debian's Chromium, headless, with software WebGL, driven by Playwright."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Page, sync_playwright

from tests.services import tool

FLAGS = (
    "--no-sandbox",  # root, in containers and in CI
    "--disable-gpu",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    # Chromium's own errands; the machine may have no network at all.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIZE = {"width": 1440, "height": 900}


@contextmanager
def chromium(expected: str = "") -> Iterator[Page]:
    """A page; leaving it fails when the page reported an error but those with `expected` in it."""
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error" and not (expected and expected in message.text):
            complaints.append(message.text)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=tool("chromium", "chromium"), args=list(FLAGS)
        )
        try:
            page = browser.new_page(viewport=SIZE)
            page.set_default_timeout(60_000)
            page.on("console", listen)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            yield page
        finally:
            browser.close()
    if complaints:
        raise AssertionError("The page reported errors:\n" + "\n".join(complaints))


def keep_screenshot(page: Page, name: str) -> None:
    """Write docs/images/<name>.png, when the one who runs the tests asks for it."""
    if os.environ.get("MEDIVIEW_KEEP_SCREENSHOT"):
        folder = Path(__file__).parents[2] / "docs" / "images"
        folder.mkdir(exist_ok=True)
        page.screenshot(path=folder / f"{name}.png")
