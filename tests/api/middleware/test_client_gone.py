"""What a client has left before its answer is not worked on any more."""

import socket
import threading
import time
from urllib.parse import urlsplit

import pytest

from api.dicomweb.search import header_fields
from storage.core.callers.wanted import Abandoned, wanted_until
from storage.processes.limited import LimitedProcesses, Limits
from tests.api.client import ApiNode
from tests.patience import PATIENCE_S
from tests.storage.instances import part10


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When each header was read for a search; each takes a quarter of a second."""
    read: list[float] = []
    original = header_fields._elements

    def elements(*arguments: object) -> bytes:
        read.append(time.monotonic())
        time.sleep(0.25)
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(header_fields, "_elements", elements)
    return read


def test_a_search_ends_soon_after_its_client(api: ApiNode, slow: list[float]) -> None:
    for number in range(40):
        api.storage.ingest.accept(part10(SOPInstanceUID=f"1.2.840.7.{number}"), "test")
    host = urlsplit(api.url)
    request = "GET /dicom-web/instances?includefield=all HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with socket.create_connection((host.hostname, host.port), timeout=PATIENCE_S) as client:
        client.sendall(request.encode())
        deadline = time.monotonic() + PATIENCE_S
        while len(slow) < 4 and time.monotonic() < deadline:
            time.sleep(0.02)
    left_at = time.monotonic()
    time.sleep(2)
    seen = len(slow)
    time.sleep(1)
    assert len(slow) == seen < 40, "it has ended"
    assert slow[-1] - left_at < 1.5
    # Who stays gets all of it.
    assert len(api.client.get("/dicom-web/instances?includefield=all").json()) == 40


def test_a_picture_that_nobody_waits_for_is_not_drawn() -> None:
    limits = Limits(1, 1 << 30, 30.0, "decoding", "MEMORY", "TIME")
    processes, gone = LimitedProcesses(limits), threading.Event()
    gone.set()
    try:
        with wanted_until(gone), pytest.raises(Abandoned):
            processes.run("tests.storage.pixels.limited_tasks:echo", b"x", answer_bytes=10)
        assert not processes._children, "no process was begun for it"
    finally:
        processes.close()
