"""Debian's Chromium, headless, with software WebGL, driven by Playwright."""

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

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
# Long enough for a machine on which jobs and other tests keep every core busy.
expect.set_options(timeout=30_000)


class _Shared:
    """One browser for all tests: each gets a context of its own, with nothing of the others'."""

    playwright: Playwright | None = None
    browser: Browser | None = None

    def get(self) -> Browser:
        if self.browser is None or not self.browser.is_connected():
            self.close()
            self.playwright = sync_playwright().start()
            self.browser = self.playwright.chromium.launch(
                executable_path=tool("chromium", "chromium"), args=list(FLAGS)
            )
        return self.browser

    def close(self) -> None:
        browser, playwright = self.browser, self.playwright
        self.browser = self.playwright = None
        # A browser that has crashed, or that Ctrl-C ended, cannot be closed.
        with suppress(Error):
            if browser is not None:
                browser.close()
            if playwright is not None:
                playwright.stop()


_shared = _Shared()
atexit.register(_shared.close)


@contextmanager
def chromium(expected: str = "", *, touch: bool = False) -> Iterator[Page]:
    """A page; leaving it fails when the page reported an error but those with `expected` in it."""
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error" and not (expected and expected in message.text):
            complaints.append(message.text)

    context = _shared.get().new_context(viewport=SIZE, has_touch=touch)
    try:
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
    finally:
        context.close()
    if complaints:
        raise AssertionError("The page reported errors:\n" + "\n".join(complaints))


def keep_screenshot(page: Page, name: str) -> None:
    """Write docs/images/<name>.png, when the one who runs the tests asks for it."""
    if os.environ.get("MEDIVIEW_KEEP_SCREENSHOT"):
        folder = Path(__file__).parents[3] / "docs" / "images"
        folder.mkdir(exist_ok=True)
        page.screenshot(path=folder / f"{name}.png")
