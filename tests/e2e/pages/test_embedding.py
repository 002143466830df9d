"""The viewer in a frame of another system's page: of a listed origin, and of no other."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.api.access.closed import PASSWORD
from tests.e2e.support.browser import chromium
from tests.e2e.support.guarded import guarded_node
from tests.services import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@contextmanager
def portal(port: int, framed: str) -> Iterator[str]:
    """A page of its own origin that shows `framed`."""

    class Portal(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f'<!doctype html><iframe src="{framed}" width=1300 height=800></iframe>'
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            """It is not of interest."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Portal)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_listed_portal_shows_the_viewer_and_its_sign_in_and_another_one_does_not(
    tmp_path: Path,
) -> None:
    listed, other = free_port(), free_port()
    ancestors = (f"http://127.0.0.1:{listed}",)
    with guarded_node(tmp_path, frame_ancestors=ancestors) as node:
        node.storage.accounts.add("ada", PASSWORD, ["radiologist"])
        with (
            chromium("Failed to load resource") as page,
            portal(listed, f"{node.url}/sign-in/?next=/") as pacs,
        ):
            page.goto(pacs)
            viewer = page.frame_locator("iframe")
            viewer.get_by_label("Name", exact=True).fill("ada")
            viewer.get_by_label("Password").fill(PASSWORD)
            page.keyboard.press("Enter")
            expect(viewer.get_by_role("button", name="Sign out")).to_be_visible()
        with chromium("frame-ancestors") as page, portal(other, node.url) as stranger:
            with page.expect_console_message(lambda one: "frame-ancestors" in one.text):
                page.goto(stranger)
            expect(page.frame_locator("iframe").get_by_label("Name")).to_have_count(0)
