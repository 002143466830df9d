"""Who leaves while sending a body is logged as a client that left, and not as a fault of ours."""

import socket
import time
from typing import Any
from urllib.parse import urlsplit

from structlog.testing import capture_logs

from tests.api.client import ApiNode
from tests.api.test_every_operation import address
from tests.patience import PATIENCE_S

_LEFT = 499
# What refuses by the head alone may have answered before the client was gone.
_REFUSED = range(400, 499)
# Of each way of reading a body here: by the framework, by the route as a whole, piece by piece.
_READ = {
    "/api/v1/worklist",
    "/dicom-web/studies",
    "/dicom-web/workitems",
    "/api/v1/uploads/content",
    "/fhir/ServiceRequest",
    "/api/v1/session",
    "/api/v1/session/oidc/backchannel-logout",
}


def begun(node: ApiNode, method: str, path: str, media_type: str, request_id: str) -> None:
    """A request whose client leaves in the midst of the body."""
    start = {"application/json": b'{"a": "', "application/fhir+json": b'{"a": "'}
    if media_type.startswith("multipart/"):
        media_type += "; boundary=b"
        if media_type.startswith("multipart/related") and "type=" not in media_type:
            media_type += '; type="application/dicom"'
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-ID: {request_id}\r\n"
        f"Content-Type: {media_type}\r\nContent-Length: 4096\r\n\r\n"
    )
    port = node.storage.settings.http_port
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client:
        client.sendall(head.encode() + start.get(media_type, b"--b\r\nContent-Type: a/b\r\n\r\n"))


def bodies(description: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Every operation and media type of a body, by method, address and media type."""
    return [
        (method.upper(), path, media_type)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
        for media_type in operation.get("requestBody", {}).get("content", {})
    ]


def test_no_route_calls_a_client_that_left_a_fault(api: ApiNode) -> None:
    asked = bodies(api.client.get("/api/openapi.json").json())
    upload = urlsplit(api.presign("ct.dcm", "application/dicom", 4096)["url"])
    asked += [
        ("PUT", f"{upload.path}?{upload.query}", "application/dicom"),
        ("POST", "/dicom-web/studies", "multipart/related"),
        ("POST", "/dicom-web/studies/{study_instance_uid}", "application/dicom"),
    ]
    with capture_logs() as logged:
        for number, (method, path, media_type) in enumerate(asked):
            begun(api, method, address(path), media_type, f"left-{number}")
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            statuses = [one["status"] for one in logged if one["event"] == "http_request"]
            if len(statuses) >= len(asked):
                break
            time.sleep(0.05)
    assert len(asked) > 80
    assert len(statuses) == len(asked)
    assert not [one for one in logged if one["event"] == "request_failed"]
    assert not [one for one in statuses if one != _LEFT and one not in _REFUSED]
    left = {one["route"] for one in logged if one.get("status") == _LEFT}
    assert len(left) > len(asked) / 2, sorted(left)
    assert {one.replace("/api/v1/", "/api/") for one in _READ} <= left
    # The audit trail has no failure of the node, either.
    metrics = api.client.get("/metrics").text
    assert 'status="499"' in metrics
    assert 'status="500"' not in metrics
