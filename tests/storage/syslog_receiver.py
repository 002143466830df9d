"""A strict receiver of RFC 5424 messages over TLS with octet counting (RFC 5425)."""

import re
import socket
import ssl
import threading
from datetime import datetime
from types import TracebackType

from tests.dicom_node.certificates import KeyPair

_HEADER = re.compile(
    rb"<(?P<priority>[0-9]{1,3})>1 (?P<at>[^ ]+) (?P<host>[!-~]{1,255}) (?P<app>[!-~]{1,48})"
    rb" (?P<process>[!-~]{1,128}) (?P<message_id>[!-~]{1,32}) - \xef\xbb\xbf(?P<message>.+)",
    re.DOTALL,
)
_SECURITY_NOTICE = 85


class SyslogReceiver:
    """`messages` are the XML parts; `complaints` whatever was not to the letter."""

    def __init__(self, pair: KeyPair, port: int = 0) -> None:
        self.messages: list[bytes] = []
        self.complaints: list[str] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pair.certificate, pair.key)
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self._connections: list[ssl.SSLSocket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> "SyslogReceiver":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            try:
                connection = self._context.wrap_socket(plain, server_side=True)
            except (OSError, ssl.SSLError):
                plain.close()
                continue
            self._connections.append(connection)
            thread = threading.Thread(target=self._read, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _read(self, connection: ssl.SSLSocket) -> None:
        with connection:
            file = connection.makefile("rb")
            while True:
                length = b""
                try:
                    while (digit := file.read(1)) not in (b" ", b""):
                        length += digit
                    if not length:
                        return
                    frame = file.read(int(length))
                except (OSError, ValueError) as error:
                    # Between two messages the test, or the sender, has ended the connection.
                    if length:
                        self.complaints.append(f"{type(error).__name__} after {length!r}")
                    return
                self._take(frame, int(length))

    def _take(self, frame: bytes, length: int) -> None:
        found = _HEADER.fullmatch(frame)
        if found is None or len(frame) != length:
            self.complaints.append(f"no message: {frame[:80]!r}")
            return
        if int(found["priority"]) != _SECURITY_NOTICE or found["message_id"] != b"DICOM+RFC3881":
            self.complaints.append(f"of another kind: {frame[:80]!r}")
        if datetime.fromisoformat(found["at"].decode()).tzinfo is None:
            self.complaints.append(f"without a zone: {found['at']!r}")
        self.messages.append(found["message"])
