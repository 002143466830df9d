"""The sockets that the node listens on, made once and shared by its receiving processes."""

import contextlib
import socket
import struct
from dataclasses import dataclass

from dicom_node.places import Places
from dicom_node.tls import ServerTls
from storage.errors import InvalidRequest
from storage.settings import Settings

# Connections above the limit are answered with a rejection as long as they are
# few; a flood of them is closed without a word.
SPARE_CONNECTIONS = 32
_BACKLOG = 128
# How long a process that is to stop may still wait for a connection.
_ACCEPT_WAIT_US = 200_000


@dataclass(frozen=True)
class Doors:
    """Where associations come in, and how many of them may."""

    listener: socket.socket
    tls_listener: socket.socket | None
    tls: ServerTls | None
    places: Places
    is_shared: bool = False
    """Whether other processes accept from the same sockets."""

    def listeners(self) -> list[tuple[socket.socket, ServerTls | None]]:
        plain: list[tuple[socket.socket, ServerTls | None]] = [(self.listener, None)]
        return plain if self.tls_listener is None else [*plain, (self.tls_listener, self.tls)]

    def close(self) -> None:
        """Accept no more in this process; whoever waits for a connection is woken."""
        for listener, _ in self.listeners():
            if not self.is_shared:
                with contextlib.suppress(OSError):
                    listener.shutdown(socket.SHUT_RDWR)
            listener.close()


def open_doors(settings: Settings, port: int | None = None, *, is_shared: bool = False) -> Doors:
    """Listen on the host of the settings, on `port` (0: any free one; None: that of the settings).

    Raises InvalidRequest when the host lies beyond loopback and the network is
    not trusted, when an address cannot be bound, or when the TLS files cannot be used.
    """
    settings.check_binding(settings.dicom_host, "The DICOM node")
    tls = ServerTls(settings) if settings.dicom_tls_port else None
    listener = _listen(settings.dicom_host, settings.dicom_port if port is None else port)
    try:
        tls_listener = (
            None if tls is None else _listen(settings.dicom_host, settings.dicom_tls_port)
        )
    except InvalidRequest:
        listener.close()
        raise
    places = Places(settings.max_associations + SPARE_CONNECTIONS)
    doors = Doors(listener, tls_listener, tls, places, is_shared)
    if is_shared:
        # Shutting a shared socket down would end it for the others, too.
        for each, _ in doors.listeners():
            wait = struct.pack("ll", 0, _ACCEPT_WAIT_US)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, wait)
    return doors


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise _cannot_listen(host, port, error) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _cannot_listen(host, port, error) from error
    return listener


def _cannot_listen(host: str, port: int, error: OSError) -> InvalidRequest:
    return InvalidRequest(
        f"The DICOM node cannot listen on {host}:{port}: {error.strerror or error}.",
        remedy="Stop what listens there, or set MEDIVIEW_DICOM_PORT or"
        " MEDIVIEW_DICOM_TLS_PORT to another.",
    )
