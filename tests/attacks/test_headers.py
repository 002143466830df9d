"""HTTP before anybody has signed in: headers without end, connections that never say anything."""

import contextlib
import socket
import time
from collections.abc import Iterator

import httpx
import pytest
from websockets.sync.client import connect as open_websocket

from api.server.connection_limits import (
    FIELD_MAX_BYTES,
    HEAD_MAX_BYTES,
    HEAD_TIMEOUT_S,
    MAX_AHEAD,
    MAX_FIELDS,
)
from tests.attacks.support.measured import MIB, AttackedNode, Growth, attacked_node

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]

PER_ADDRESS = 40
GROWTH_BYTES = 32 * MIB
FIRST_LINE = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AttackedNode]:
    settings = {"connections_per_address": PER_ADDRESS}
    with attacked_node(tmp_path_factory.mktemp("headers"), settings) as running:
        yield running


def connect(node: AttackedNode, limit_s: float = 60) -> socket.socket:
    return socket.create_connection(("127.0.0.1", node.http_port), timeout=limit_s)


def answer_to(node: AttackedNode, *pieces: bytes) -> bytes:
    """What comes back until the node closes, or says nothing more for a while."""
    received = b""
    with connect(node) as sock:
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                sock.sendall(piece)
        sock.settimeout(3)
        with contextlib.suppress(TimeoutError, ConnectionError):
            while data := sock.recv(65536):
                received += data
    return received


def flood(node: AttackedNode, first: bytes, piece: bytes, size: int) -> int:
    """Send until the node ends the connection; the bytes that it took."""
    sent = 0
    with connect(node) as sock:
        try:
            sock.sendall(first)
            while sent < size:
                sock.sendall(piece)
                sent += len(piece)
        except ConnectionError:
            pass
    return sent


@pytest.mark.parametrize(
    ("first", "piece"),
    [
        pytest.param(FIRST_LINE + b"X-Long: ", b"a" * 65536, id="one header"),
        pytest.param(FIRST_LINE, b"X-A: b\r\n" * 8192, id="many headers"),
        pytest.param(b"GET /" + b"a" * 100, b"a" * 65536, id="request line"),
        pytest.param(FIRST_LINE, (b"a" * 65000 + b": b\r\n"), id="long names"),
        pytest.param(
            b"POST /api/session HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2\r\n{}\r\n0\r\nX-Trailer: ",
            b"a" * 65536,
            id="trailer",
        ),
        pytest.param(
            b"POST /api/session HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;",
            b"a" * 65536,
            id="chunk extension",
        ),
    ],
)
def test_headers_without_end_are_cut_off(node: AttackedNode, first: bytes, piece: bytes) -> None:
    growth = Growth(node.api_pid)
    # What the kernel buffers on both sides counts as sent, too.
    assert flood(node, first, piece, 150 * MIB) < 24 * MIB
    assert growth.bytes < GROWTH_BYTES
    assert node.answers()


@pytest.mark.slow
@pytest.mark.parametrize(
    "head",
    [
        b"X-Long: " + b"a" * (FIELD_MAX_BYTES + 1) + b"\r\n",
        b"X-A: b\r\n" * (MAX_FIELDS + 1),
        b"".join(b"X-%d: " % number + b"a" * 15_000 + b"\r\n" for number in range(6)),
    ],
    ids=["one", "many", "together"],
)
def test_too_large_a_head_is_told(node: AttackedNode, head: bytes) -> None:
    assert answer_to(node, FIRST_LINE + head + b"\r\n").startswith(b"HTTP/1.1 431 ")
    # The same in small pieces.
    whole = FIRST_LINE + head + b"\r\n"
    pieces = [whole[start : start + 1000] for start in range(0, len(whole), 1000)]
    assert answer_to(node, *pieces).startswith(b"HTTP/1.1 431 ")


def test_a_large_head_within_the_limits_is_served(node: AttackedNode) -> None:
    uids = "\\".join(f"1.2.840.{number}" for number in range(1500))
    headers = {f"X-Some-{number}": "a" * 300 for number in range(80)}
    assert len(uids) < HEAD_MAX_BYTES / 2
    query = {"StudyInstanceUID": uids}
    answer = httpx.get(f"{node.url}/dicom-web/studies", params=query, headers=headers)
    assert answer.status_code == 200


@pytest.mark.slow
def test_connections_that_say_nothing_end(node: AttackedNode) -> None:
    with contextlib.ExitStack() as stack:
        silent = stack.enter_context(connect(node))
        begun = stack.enter_context(connect(node))
        begun.sendall(FIRST_LINE)
        started = time.monotonic()
        # One byte now and then is no excuse.
        while time.monotonic() - started < HEAD_TIMEOUT_S + 10:
            with contextlib.suppress(ConnectionError):
                begun.sendall(b"X")
            begun.settimeout(0.5)
            with contextlib.suppress(TimeoutError, ConnectionError):
                if begun.recv(100):
                    break
        assert HEAD_TIMEOUT_S - 2 < time.monotonic() - started < HEAD_TIMEOUT_S + 5
        silent.settimeout(5)
        assert silent.recv(1) == b""


@pytest.mark.slow
def test_a_request_that_was_answered_must_still_end(node: AttackedNode) -> None:
    """Otherwise a body of a byte a minute holds a connection for ever."""
    from api.server.connection_limits import _REST_TIMEOUT_S

    with connect(node) as sock:
        sock.sendall(
            b"POST /api/none HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n"
        )
        assert sock.recv(65536).startswith(b"HTTP/1.1 4")
        started = time.monotonic()
        sock.settimeout(0.5)
        ended = False
        while not ended and time.monotonic() - started < _REST_TIMEOUT_S + 15:
            try:
                sock.sendall(b"a")
                ended = sock.recv(65536) == b""
            except TimeoutError:
                continue
            except ConnectionError:
                ended = True
        assert ended


def test_a_connection_is_kept_alive_between_requests(node: AttackedNode) -> None:
    with httpx.Client(base_url=node.url) as client:
        for _ in range(3):
            assert client.get("/health").status_code == 200
            time.sleep(0.2)


def test_one_address_cannot_take_every_connection(node: AttackedNode) -> None:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(connect(node)) for _ in range(PER_ADDRESS + 20)]
        time.sleep(0.5)
        ended = 0
        for sock in held:
            sock.settimeout(0.05)
            try:
                ended += sock.recv(1) == b""
            except TimeoutError:
                continue
            except ConnectionError:
                ended += 1
        assert ended >= 20
    deadline = time.monotonic() + 20
    while not node.answers():
        assert time.monotonic() < deadline


def test_unfinished_heads_keep_nobody_out_at_the_same_address(node: AttackedNode) -> None:
    """A ward behind one router: strangers and those who have signed in have its address."""
    with contextlib.ExitStack() as stack:
        for _ in range(3 * PER_ADDRESS):
            sock = stack.enter_context(connect(node))
            with contextlib.suppress(ConnectionError):
                sock.sendall(FIRST_LINE + b"X-A: ")
        for _ in range(10):
            assert answer_to(node, FIRST_LINE + b"Connection: close\r\n\r\n").startswith(
                b"HTTP/1.1 200"
            )


def test_requests_far_ahead_of_their_answers_end_the_connection(node: AttackedNode) -> None:
    """Taken apart again and again they kept a process busy for seconds."""
    request = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    few = answer_to(node, MAX_AHEAD * request)
    assert few.count(b"HTTP/1.1 200") == MAX_AHEAD
    growth = Growth(node.api_pid)
    started = time.monotonic()
    many = answer_to(node, 100_000 * request)
    assert node.answers()
    assert many.count(b"HTTP/1.1 200") < 200
    assert time.monotonic() - started < 15
    assert growth.bytes < GROWTH_BYTES


def test_websockets_count_until_they_end(node: AttackedNode) -> None:
    url = node.url.replace("http:", "ws:") + "/dicom-web/subscribers/AE"
    with contextlib.ExitStack() as stack:
        for number in range(PER_ADDRESS):
            stack.enter_context(open_websocket(f"{url}{number}"))
        assert not answer_to(node, FIRST_LINE + b"\r\n")
    deadline = time.monotonic() + 20
    while not node.answers():
        assert time.monotonic() < deadline
