"""Floods of strangers, all at once or those that are named.

    python -m tests.attacks.support.flooding DICOM_PORT HTTP_PORT HL7_PORT [NAME ...]

Each goes on in threads of its own until the process gets SIGTERM; then the number of attempts of
each is written as JSON. They come from 127.0.0.2, so that the node sees another address than that
of the modality. Nothing here has a credential.
"""

import json
import random
import signal
import socket
import struct
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress

from pydicom.uid import CTImageStorage, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from tests.faults.raw_peer import (
    ASSOCIATE_RQ,
    ECHO_COMMAND,
    VERIFICATION,
    PeerGone,
    RawPeer,
    Rejected,
    associate_request,
    context,
    fragments,
    pdu,
    store_message,
)

_STRANGER = "127.0.0.2"
_LIMIT_S = 5.0
_AT_ONCE = 24
"""Of a flood that is tried by itself."""
_MB = 1 << 20
_BOMB = zlib.compress(bytes(64 * _MB), 9)[2:-4]
_PASSWORD = json.dumps({"name": "ada", "password": "not the password"})


def _connect(port: int) -> socket.socket:
    return socket.create_connection(
        ("127.0.0.1", port), timeout=_LIMIT_S, source_address=(_STRANGER, 0)
    )


def _peer(port: int) -> RawPeer:
    peer = RawPeer.__new__(RawPeer)
    peer.socket = _connect(port)
    return peer


def _exchange(port: int, data: bytes) -> None:
    with _connect(port) as connection:
        connection.sendall(data)
        connection.recv(4096)


def connections(ports: tuple[int, int, int]) -> None:
    """Opened and left half-way, as many as an address gets."""
    with ExitStack() as stack:
        for port in (ports[0], ports[2]):
            for _ in range(40):
                half = stack.enter_context(_connect(port))
                half.sendall(b"\x01\x00\x00")


def associations(ports: tuple[int, int, int]) -> None:
    """With as many contexts as there may be, each with transfer syntaxes to choose from."""
    syntaxes = [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian]
    contexts = [context(number, CTImageStorage, syntaxes) for number in range(1, 256, 2)]
    with _peer(ports[0]) as peer:
        peer.associate(contexts, calling=b"STRANGER")


def impossible_requests(ports: tuple[int, int, int]) -> None:
    """Of 16,000 contexts, of which 128 may have an ID: half a second of work in pynetdicom."""
    _exchange(ports[0], _request([context(1, f"1.2.3.{one}", ["1.2"]) for one in range(16_000)]))


def long_requests(ports: tuple[int, int, int]) -> None:
    """As long as they may be, and no two alike."""
    syntaxes = [f"1.2.840.10008.1.2.4.{one}" for one in range(100)]
    name = "".join(random.choices("ABCDEFGH", k=16))
    contexts = [context(number, f"1.2.3.{number}", syntaxes) for number in range(1, 256, 2)]
    _exchange(ports[0], _request(contexts, name.encode()))


def _request(contexts: Sequence[bytes], calling: bytes = b"STRANGER") -> bytes:
    return pdu(ASSOCIATE_RQ, associate_request(contexts, calling=calling))


def echoes(ports: tuple[int, int, int]) -> None:
    with _peer(ports[0]) as peer:
        peer.associate([context(1, VERIFICATION, [ExplicitVRLittleEndian])], calling=b"STRANGER")
        for _ in range(200):
            peer.send(fragments(1, ECHO_COMMAND, is_command=True))
            peer.status()


def bombs(ports: tuple[int, int, int]) -> None:
    """Instances of 64 MiB in 64 KB, deflated."""
    contexts = [context(1, CTImageStorage, [DeflatedExplicitVRLittleEndian])]
    with _peer(ports[0]) as peer:
        peer.associate(contexts, calling=b"STRANGER")
        for number in range(20):
            peer.send(store_message(1, CTImageStorage, f"1.2.3.{number}", _BOMB))
            peer.status()


def broken_pdus(ports: tuple[int, int, int]) -> None:
    request = pdu(ASSOCIATE_RQ, associate_request([b"\x20\x00\xff\xff"]), length=2**32 - 1)
    _exchange(ports[0], request)


def requests(ports: tuple[int, int, int]) -> None:
    _exchange(ports[1], b"GET /api/studies HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")


def headers(ports: tuple[int, int, int]) -> None:
    """More than a request may have."""
    many = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 1000) for number in range(80))
    _exchange(ports[1], b"GET /health HTTP/1.1\r\nHost: a\r\n" + many + b"\r\n")


def sign_ins(ports: tuple[int, int, int]) -> None:
    """Each would cost a slow hash."""
    head = f"POST /api/session HTTP/1.1\r\nHost: a\r\nContent-Length: {len(_PASSWORD)}\r\n"
    _exchange(ports[1], f"{head}Content-Type: application/json\r\n\r\n{_PASSWORD}".encode())


def bodies(ports: tuple[int, int, int]) -> None:
    """Of ten megabytes, without sign-in."""
    with _connect(ports[1]) as connection:
        connection.sendall(
            b"POST /dicom-web/studies HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n"
            b'Content-Type: multipart/related; type="application/dicom"; boundary=x\r\n\r\n'
            % (10 * _MB)
        )
        for _ in range(10):
            connection.sendall(b"--x\r\n" * (_MB // 5))


def orders(ports: tuple[int, int, int]) -> None:
    """Of separators alone."""
    _exchange(ports[2], b"\x0bMSH|^~\\&|A|B|C|D|20260101||ORM^O01|1|P|2.5\r" + b"|" * 900_000)


def trickles(ports: tuple[int, int, int]) -> None:
    """A byte a second, of a request whose end never comes."""
    with _connect(ports[1]) as connection:
        for byte in b"GET /health HTTP/1.1\r\n":
            connection.sendall(bytes([byte]))
            time.sleep(1.0)


FLOODS: dict[str, Callable[[tuple[int, int, int]], None]] = {
    one.__name__: one
    for one in (
        *(connections, associations, impossible_requests, long_requests, echoes, bombs),
        broken_pdus,
        *(requests, headers, sign_ins, bodies, orders, trickles),
    )
}


def main() -> None:
    ports = (int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    attempts: Counter[str] = Counter()
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())

    def attack(name: str) -> None:
        while not stopped.is_set():
            # That it is refused or thrown out is what the node is there for.
            with suppress(OSError, PeerGone, Rejected, AssertionError, struct.error):
                FLOODS[name](ports)
            attempts[name] += 1

    named = sys.argv[4:]
    for name in named or FLOODS:
        for _ in range(_AT_ONCE if named else 2):
            threading.Thread(target=attack, args=(name,), daemon=True).start()
    print("flooding", flush=True)
    stopped.wait()
    print(json.dumps(attempts), flush=True)


if __name__ == "__main__":
    main()
