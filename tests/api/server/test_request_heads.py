"""A head that a proxy and this server could read in two ways is served by neither."""

import contextlib
import json
import re
import socket

import pytest

from tests.api.client import ApiNode
from tests.patience import PATIENCE_S

_SECOND = b"GET /livez HTTP/1.1\r\nHost: a\r\nX-Second: 1\r\n\r\n"
_UPGRADE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def answers_to(reading_api: ApiNode, request: bytes) -> tuple[list[int], bytes]:
    """The status of each answer until the node closes the connection, and all that it sent."""
    port = int(reading_api.url.rpartition(":")[2])
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.sendall(request)
        with contextlib.suppress(ConnectionError):
            while data := connection.recv(65536):
                received += data
    return [int(one) for one in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)], received


def head(*lines: bytes, first: bytes = b"GET /livez HTTP/1.1") -> bytes:
    return b"\r\n".join((first, *lines, b"Connection: close", b"", b""))


@pytest.mark.parametrize(
    ("request_head", "status", "words"),
    [
        pytest.param(head(b"Host: a", b"Host: b"), 400, "2 headers host", id="two hosts"),
        pytest.param(head(b"Host: a", b"hOST: a"), 400, "2 headers host", id="the same host"),
        pytest.param(head(), 400, "no Host", id="no host"),
        pytest.param(
            head(b"Host: a, b"), 400, "neither a name nor an address", id="a list of hosts"
        ),
        pytest.param(
            head(b"Host: a b"), 400, "neither a name nor an address", id="a host with a space"
        ),
        pytest.param(
            head(b"Host: a@b"), 400, "neither a name nor an address", id="a host with a user"
        ),
        pytest.param(
            head(b"Host: a/b"), 400, "neither a name nor an address", id="a host with a path"
        ),
        pytest.param(
            head(b"Host: \xe9"), 400, "neither a name nor an address", id="a host of other bytes"
        ),
        pytest.param(head(b"Host: a", first=b"GET /livez HTTP/2.0"), 505, "version", id="HTTP/2.0"),
        pytest.param(head(b"Host: a", first=b"GET /livez HTTP/0.9"), 505, "version", id="HTTP/0.9"),
        pytest.param(
            head(b"Host: a", first=b"GET http://b/livez HTTP/1.1"), 400, "two hosts", id="b and a"
        ),
        pytest.param(
            head(b"Host: a", first=b"CONNECT b:22 HTTP/1.1"), 400, "two hosts", id="a tunnel"
        ),
        pytest.param(
            head(b"Host: a", b"Authorization: Bearer x", b"Authorization: Bearer y"),
            400,
            "2 headers authorization",
            id="two credentials",
        ),
        pytest.param(
            head(b"Host: a", b"Origin: http://a", b"Origin: http://b"),
            400,
            "2 headers origin",
            id="two origins",
        ),
        pytest.param(
            head(b"Host: a", b"Content-Type: a/b", b"Content-Type: a/c"),
            400,
            "2 headers content-type",
            id="two types",
        ),
        pytest.param(
            b"GET /dicom-web/subscribers/A HTTP/1.1\r\nHost: a\r\nHost: b\r\n" + _UPGRADE + b"\r\n",
            400,
            "2 headers host",
            id="a WebSocket",
        ),
    ],
)
def test_a_head_with_two_meanings_is_refused_and_says_why(
    reading_api: ApiNode, request_head: bytes, status: int, words: str
) -> None:
    statuses, received = answers_to(reading_api, request_head + _SECOND)
    assert statuses == [status]
    problem = json.loads(received.partition(b"\r\n\r\n")[2])
    assert words in problem["detail"]
    assert problem["remedy"]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(
            (b"Content-Length: 2", b"Transfer-Encoding: chunked"), id="a length and chunks"
        ),
        pytest.param(
            (b"Transfer-Encoding: chunked", b"Content-Length: 2"), id="chunks and a length"
        ),
        pytest.param((b"Content-Length: 2", b"Content-Length: 2"), id="one length twice"),
        pytest.param((b"Content-Length: 2", b"Content-Length: 0"), id="two lengths"),
        pytest.param((b"Content-Length: 2, 2",), id="a list of lengths"),
        pytest.param(
            (b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), id="chunks of chunks"
        ),
    ],
)
def test_a_body_has_one_length(reading_api: ApiNode, lines: tuple[bytes, ...]) -> None:
    """Not even the beginning is served, and what follows is no request."""
    whole = head(b"Host: a", *lines, first=b"POST /api/v1/session HTTP/1.1") + b"{}" + _SECOND
    statuses, _ = answers_to(reading_api, whole)
    assert statuses == [400]


@pytest.mark.parametrize(
    "request_head",
    [
        pytest.param(head(b"Host: 127.0.0.1:8000"), id="an address and a port"),
        pytest.param(head(b"Host: [::1]:80"), id="an IPv6 address"),
        pytest.param(head(b"Host: mediview_api"), id="the name of a container"),
        pytest.param(head(b"Host: "), id="an empty host"),
        pytest.param(head(first=b"GET /livez HTTP/1.0"), id="HTTP/1.0 without a host"),
        pytest.param(
            head(b"Host: A:80", first=b"GET http://a:80/livez HTTP/1.1"), id="an absolute address"
        ),
        pytest.param(
            head(b"Host: a", b"Accept: text/html", b"Accept: */*"), id="a list in two lines"
        ),
    ],
)
def test_other_heads_are_served(reading_api: ApiNode, request_head: bytes) -> None:
    """By the application, which refuses a foreign host where nobody signs in (403)."""
    statuses, received = answers_to(reading_api, request_head)
    assert statuses in ([200], [403])
    assert b"x-request-id" in received
