"""A process without file descriptors names that, and loses no connection without a word."""

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from dicom_node.peers import Peer
from dicom_node.scu import echo
from tests.chaos.parts import Parts

pytestmark = [pytest.mark.fault, pytest.mark.timeout(200)]

_LEFT = 80


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    (tmp_path / "node").mkdir()
    parts = Parts(
        tmp_path / "node",
        ("scp", "api"),
        {
            "dicom_processes": 1,
            "http_processes": 1,
            "connections_per_address": 0,
            "associations_per_address": 0,
            "max_associations": 500,
        },
        outside=tmp_path,
    )
    try:
        parts.start()
        yield parts
    finally:
        parts.close()


def starve(process_id: int) -> None:
    """As with a service's LimitNOFILE that is too low."""
    used = max(int(path.name) for path in Path(f"/proc/{process_id}/fd").iterdir())
    resource.prlimit(process_id, resource.RLIMIT_NOFILE, (used + _LEFT, used + _LEFT))


def test_both_answer_what_they_cannot_serve(parts: Parts) -> None:
    """Idle connections take what there is; later ones are refused with the reason."""
    peer = Peer("MEDIVIEW", "127.0.0.1", parts.port)
    signed_in = parts.api
    assert signed_in.get("/health").status_code == 200
    for process_id in parts.process_ids():
        starve(process_id)
    with ExitStack() as stack:
        for port in (parts.port, parts.http_port):
            for _ in range(_LEFT):
                stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                time.sleep(0.02)
        for _ in range(5):
            with httpx.Client(base_url=signed_in.base_url) as other:
                answer = other.get("/health")
            assert answer.status_code == 503
            assert "file descriptor" in answer.json()["detail"]
            assert "LimitNOFILE" in answer.json()["remedy"]
            rejection = echo(peer, "OTHER")
            assert "rejected the association" in rejection.error
    assert "open_files_used_up" in (parts.outside / "scp.log").read_text()
    parts.wait_for(lambda: echo(peer, "OTHER").ok, "the receiver to go on")
    parts.wait_for(lambda: httpx.get(f"{signed_in.base_url}/health").status_code == 200, "HTTP")
