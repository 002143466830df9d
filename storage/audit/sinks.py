"""Where audit messages go: files of the node, and a syslog repository (PS3.15 A.6, A.7)."""

import contextlib
import os
import socket
import ssl
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from storage.audit.spool import make_private, private_file
from storage.core.errors import NotConfigured, StorageUnavailable
from storage.core.untrusted_input.host_names import HOST_NAMES, is_host_name, resolving
from storage.core.untrusted_input.whole_numbers import read_whole_number
from storage.settings import Settings
from storage.volumes.files import translated_os_errors

# Facility 10 (security), severity 5 (notice): PS3.15 A.6.
_PRIORITY = 10 * 8 + 5
_MESSAGE_ID = "DICOM+RFC3881"
_APP_NAME = "mediview"
_BOM = b"\xef\xbb\xbf"
_TIMEOUT_S = 10.0
# A datagram cannot hold more over IPv4.
_UDP_MAX_BYTES = 65_507


class Sink(Protocol):
    name: str

    def put(self, messages: Sequence[tuple[datetime, bytes]]) -> int:
        """Tell messages in order; how many the sink has for certain.

        Raises StorageUnavailable where it has none of them.
        """
        ...

    def close(self) -> None: ...


class FileSink:
    """One message a line in `<data>/audit/audit.xml`, rotated by size."""

    name = "sink:file"

    def __init__(self, folder: Path, max_bytes: int, count: int) -> None:
        self._folder = folder
        self._path = folder / "audit.xml"
        self._max_bytes = max_bytes
        self._count = count

    def put(self, messages: Sequence[tuple[datetime, bytes]]) -> int:
        with translated_os_errors(self._folder):
            make_private(self._folder)
            if self._path.exists() and self._path.stat().st_size >= self._max_bytes:
                self._rotate()
            with private_file(self._path, "a") as file:
                file.writelines(message.decode() + "\n" for _, message in messages)
                file.flush()
                os.fsync(file.fileno())
        return len(messages)

    def close(self) -> None:
        """Nothing stays open."""

    def _rotate(self) -> None:
        (self._folder / f"audit.{self._count}.xml").unlink(missing_ok=True)
        for number in reversed(range(1, self._count)):
            older = self._folder / f"audit.{number}.xml"
            if older.exists():
                older.rename(self._folder / f"audit.{number + 1}.xml")
        self._path.rename(self._folder / "audit.1.xml")


class SyslogSink:
    """RFC 5424 messages over TLS with octet counting (RFC 5425), or over UDP (RFC 5426).

    TLS keeps a connection. Syslog answers nothing, so what was handed to a
    connection that broke at once is sent again, and a repository may see a
    message twice; over UDP nobody knows what arrived.
    """

    name = "sink:syslog"

    def __init__(self, settings: Settings) -> None:
        self._host, self._port = read_address(settings.audit_syslog)
        self._over_tls = settings.audit_syslog_transport == "tls"
        self._settings = settings
        self._hostname = socket.gethostname() or "-"
        self._socket: socket.socket | None = None

    def put(self, messages: Sequence[tuple[datetime, bytes]]) -> int:
        framed = [syslog_message(self._hostname, at, message) for at, message in messages]
        try:
            if not self._over_tls:
                return self._send_datagrams(framed)
            connection = self._connection()
            connection.sendall(b"".join(b"%d %s" % (len(one), one) for one in framed))
            self._check_alive(connection)
            return len(framed)
        except OSError as error:
            self.close()
            raise StorageUnavailable(
                f"The audit repository at {self._host}:{self._port} does not take messages:"
                f" {error.strerror or type(error).__name__}.",
                remedy="Check MEDIVIEW_AUDIT_SYSLOG and the repository; nothing is lost meanwhile.",
            ) from error

    def close(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None

    def _send_datagrams(self, framed: Sequence[bytes]) -> int:
        with resolving(self._host):
            family = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)[0][0]
        with socket.socket(family, socket.SOCK_DGRAM) as datagrams:
            for one in framed:
                datagrams.sendto(one[:_UDP_MAX_BYTES], (self._host, self._port))
        return len(framed)

    def _connection(self) -> socket.socket:
        if self._socket is not None:
            self._check_alive(self._socket)
            return self._socket
        settings = self._settings
        context = ssl.create_default_context(
            cafile=str(settings.audit_syslog_ca) if settings.audit_syslog_ca else None
        )
        if settings.audit_syslog_certificate is not None:
            context.load_cert_chain(settings.audit_syslog_certificate)
        with resolving(self._host):
            plain = socket.create_connection((self._host, self._port), timeout=_TIMEOUT_S)
        try:
            self._socket = context.wrap_socket(plain, server_hostname=self._host)
        except BaseException:
            plain.close()
            raise
        return self._socket

    def _check_alive(self, connection: socket.socket) -> None:
        """Raise where the repository has closed: it never says anything else."""
        connection.setblocking(False)
        try:
            if not connection.recv(1024):
                raise ConnectionResetError("The repository closed the connection.")
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        finally:
            connection.settimeout(_TIMEOUT_S)


def syslog_message(hostname: str, at: datetime, message: bytes) -> bytes:
    """One RFC 5424 message as PS3.15 A.6 wants it."""
    stamp = at.isoformat(timespec="milliseconds")
    head = f"<{_PRIORITY}>1 {stamp} {hostname} {_APP_NAME} {os.getpid()} {_MESSAGE_ID} - "
    return head.encode("ascii", "replace") + _BOM + message


def read_address(text: str) -> tuple[str, int]:
    """`host:port`; an IPv6 host stands in brackets. Raises NotConfigured."""
    host, colon, port = text.rpartition(":")
    host = host.strip("[]")
    if not (colon and is_host_name(host) and 0 < (read_whole_number(port) or 0) < 65536):
        raise NotConfigured(
            f"'{text}' is not the address of an audit repository.",
            remedy="Set MEDIVIEW_AUDIT_SYSLOG to host:port, for example arr.hospital:6514;"
            f" the host is {HOST_NAMES}.",
        )
    return host, int(port)


def sink_names(settings: Settings) -> list[str]:
    """What the sinks of the settings are called, opened or not."""
    named = {FileSink.name: settings.audit_file, SyslogSink.name: settings.audit_syslog}
    return [name for name, is_wanted in named.items() if is_wanted]


def open_sinks(settings: Settings) -> list[Sink]:
    """The sinks that the settings name."""
    sinks: list[Sink] = []
    if settings.audit_file:
        folder = settings.data_dir / "audit"
        sinks.append(FileSink(folder, settings.audit_file_max_bytes, settings.audit_file_count))
    if settings.audit_syslog:
        sinks.append(SyslogSink(settings))
    return sinks
