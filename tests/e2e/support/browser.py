"""Debian's Chromium and Firefox, with software WebGL, driven by Playwright."""

import atexit
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
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
# In Firefox Playwright fills a field as a script does, which React does not take for typing.
_FILLING_IS_TYPING = """addEventListener("input", ({isTrusted, target}) => {
  if (!isTrusted) target._valueTracker?.setValue("\\0");
}, true)"""
SIZE = {"width": 1440, "height": 900}
# Long enough for a machine on which jobs and other tests keep every core busy.
expect.set_options(timeout=30_000)


class _Shared:
    """One profile for all tests, emptied after each, and a browser for who needs a second one.

    A profile keeps what it compiled of the viewer's code: a page costs a third less.
    """

    def __init__(self) -> None:
        self.playwright: Playwright | None = None
        self.browser: Browser | None = None
        self.firefox: Browser | None = None
        self.profile: BrowserContext | None = None
        self.is_profile_taken = False

    @contextmanager
    def page(self, *, touch: bool) -> Iterator[Page]:
        if touch or self.is_profile_taken:
            context = self._browser().new_context(viewport=SIZE, has_touch=touch)
            try:
                yield context.new_page()
            finally:
                context.close()
            return
        context, origins = self._profile(), set[str]()
        self.is_profile_taken = True
        try:
            page = context.new_page()
            page.on("framenavigated", lambda frame: origins.add(_origin(frame.url)))
            yield page
        finally:
            self.is_profile_taken = False
            try:
                _empty(context, origins)
            except Error:
                self.close()

    @contextmanager
    def firefox_page(self) -> Iterator[Page]:
        if self.firefox is None or not self.firefox.is_connected():
            for program, package in (("firefox-esr", "firefox-esr"), ("Xvfb", "xvfb")):
                tool(program, package)
            own_python = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
            self.firefox = self._started().firefox.launch(
                channel="moz-firefox",
                executable_path=Path(__file__).with_name("firefox.py"),
                headless=False,
                env={**os.environ, "PATH": own_python},
            )
        context = self.firefox.new_context(viewport=SIZE)
        context.add_init_script(_FILLING_IS_TYPING)
        try:
            yield context.new_page()
        finally:
            context.close()

    def _browser(self) -> Browser:
        if self.browser is None or not self.browser.is_connected():
            self.browser = self._started().chromium.launch(
                executable_path=tool("chromium", "chromium"), args=list(FLAGS)
            )
        return self.browser

    def _profile(self) -> BrowserContext:
        if self.profile is None:
            self.profile = self._started().chromium.launch_persistent_context(
                "",
                executable_path=tool("chromium", "chromium"),
                args=list(FLAGS),
                viewport=SIZE,
            )
        return self.profile

    def _started(self) -> Playwright:
        if self.playwright is None:
            self.playwright = sync_playwright().start()
        return self.playwright

    def close(self) -> None:
        browsers, playwright = (self.browser, self.firefox, self.profile), self.playwright
        self.browser = self.firefox = self.profile = self.playwright = None
        # A browser that has crashed, or that Ctrl-C ended, cannot be closed.
        for one in browsers:
            with suppress(Error):
                if one is not None:
                    one.close()
        with suppress(Error):
            if playwright is not None:
                playwright.stop()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _empty(context: BrowserContext, origins: set[str]) -> None:
    """Close the pages and forget what they kept, but for compiled code. Raises Error of a crash."""
    blank, *others = context.pages
    for page in others:
        page.close()
    context.clear_cookies()
    context.clear_permissions()
    tools = context.new_cdp_session(blank)
    for origin in origins:
        tools.send(
            "Storage.clearDataForOrigin",
            {"origin": origin, "storageTypes": "local_storage,indexeddb,service_workers"},
        )
    tools.detach()


_shared = _Shared()
atexit.register(_shared.close)


def chromium(expected: str = "", *, touch: bool = False) -> AbstractContextManager[Page]:
    """A page; leaving it fails when the page reported an error but those with `expected` in it."""
    return _watched(_shared.page(touch=touch), expected)


def firefox(expected: str = "") -> AbstractContextManager[Page]:
    """The same in Firefox."""
    return _watched(_shared.firefox_page(), expected)


@contextmanager
def _watched(opened: AbstractContextManager[Page], expected: str) -> Iterator[Page]:
    complaints: list[str] = []

    def listen(text: str) -> None:
        if not (expected and expected in text):
            complaints.append(text)

    def read(message: ConsoleMessage) -> None:
        if message.type == "error":
            listen(message.text)

    with opened as page:
        page.set_default_timeout(60_000)
        page.on("console", read)
        # Firefox counts requests that failed among them.
        page.on("pageerror", lambda error: listen(str(error)))
        yield page
    if complaints:
        raise AssertionError("The page reported errors:\n" + "\n".join(complaints))


def keep_screenshot(page: Page, name: str) -> None:
    """Write docs/images/<name>.png, when the one who runs the tests asks for it."""
    if os.environ.get("MEDIVIEW_KEEP_SCREENSHOT"):
        folder = Path(__file__).parents[3] / "docs" / "images"
        folder.mkdir(exist_ok=True)
        page.screenshot(path=folder / f"{name}.png")
