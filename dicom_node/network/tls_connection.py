"""A connection with a peer over TLS, owned by one thread."""

import contextlib
import socket
import ssl
from collections.abc import Callable

import structlog

from dicom_node.network.connection import Connection, PeerTooSlow
from dicom_node.network.tls import tls_words

log = structlog.get_logger(__name__)

# Enough for a record and its overhead to be worth it, few enough to see progress in time.
_WRITE_BYTES = 128 * 1024


class TlsConnection(Connection):
    """Like a connection; the handshake takes place at the first receive or send.

    So it is the association's own thread that waits for a peer that does not
    go on, and not the one that accepts.
    """

    may_share = False
    socket: ssl.SSLSocket

    def __init__(self, sock: ssl.SSLSocket, *, timeout_s: float) -> None:
        self._shaken = False
        # Hears why a peer and we did not come together, but not of one that just left.
        self.on_failed: Callable[[str], None] | None = None
        super().__init__(sock, timeout_s=timeout_s)
        # Quick ACKs help against delayed ACKs of whole messages; records are not those.
        self._quick_ack = None

    def set_timeout(self, timeout_s: float) -> None:
        """As for a connection; Python keeps the time, since OpenSSL would try for ever."""
        self._timeout_s = timeout_s
        self.socket.settimeout(max(timeout_s, 0.001))

    def handshake(self) -> None:
        """Raises OSError saying why the peer and we do not come together."""
        if not self._shaken:
            self.socket.do_handshake()
            self._shaken = True

    def certificate(self) -> bytes | None:
        """What the peer showed, in DER; None where it was not asked, or has none."""
        return self.socket.getpeercert(binary_form=True)

    def receive_into(self, view: memoryview) -> int:
        self._shake()
        try:
            received = self.socket.recv_into(view)
        except TimeoutError as error:
            raise PeerTooSlow(f"Nothing came for {self._timeout_s:g} s.") from error
        self._received(received)
        return received

    def receive_both(self, first: memoryview, second: memoryview) -> int:
        """Records are decrypted into one buffer at a time: the first."""
        return self.receive_into(first)

    def _send_all(self, queue: list[memoryview]) -> None:
        self._shake()
        try:
            waiting = bytearray()
            for buffer in queue:
                start = 0
                while start < len(buffer):
                    piece = buffer[start : start + _WRITE_BYTES - len(waiting)]
                    start += len(piece)
                    waiting += piece
                    if len(waiting) >= _WRITE_BYTES:
                        self.socket.sendall(waiting)
                        waiting = bytearray()
            if waiting:
                self.socket.sendall(waiting)
        except TimeoutError as error:
            raise self._stuck(f"nothing for {self._timeout_s:g} s") from error

    def readable(self) -> bool:
        return bool(self._shaken and self.socket.pending()) or super().readable()

    def drain(self, timeout_s: float) -> None:
        if self._is_stuck:
            return
        # No half-closed TLS: the peer closes when it has read our last PDU.
        scrap = memoryview(bytearray(4096))
        self.set_timeout(timeout_s)
        with contextlib.suppress(OSError, ValueError):
            while self.receive_into(scrap):
                pass

    def interrupt(self) -> None:
        # Not SSLSocket's own shutdown, which drops the TLS state under the owner's feet.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._shaken:
                # Tell the peer that this is the end, and do not wait for its word.
                self.socket.settimeout(0)
                self.socket.unwrap()
        super().close()

    def _shake(self) -> None:
        try:
            self.handshake()
        except TimeoutError as error:
            raise PeerTooSlow(f"No TLS handshake within {self._timeout_s:g} s.") from error
        except (ssl.SSLEOFError, ConnectionResetError, BrokenPipeError):
            # Load balancers and monitors look each minute whether the port is open.
            log.info("tls_peer_left", detail="before it was secured")
            raise
        except OSError as error:
            log.warning("tls_handshake_failed", detail=tls_words(error))
            if self.on_failed is not None:
                self.on_failed(tls_words(error))
            raise
