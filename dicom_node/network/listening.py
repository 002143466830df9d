"""The sockets that the node listens on, made once and shared by its receiving processes."""

import socket
import time
from dataclasses import dataclass, field

import structlog

from dicom_node.network.connection_slots import ConnectionSlots
from dicom_node.network.handover import Accepted, Handover
from dicom_node.network.known_activity import KnownActivity
from dicom_node.network.proxy_protocol import Proxies
from dicom_node.network.tls import ServerTls
from storage.core.errors import InvalidRequest
from storage.core.open_files import REMEDY, USED_UP
from storage.settings import Settings

log = structlog.get_logger(__name__)

# Connections above the limit are answered with a rejection as long as they are
# few; a flood of them is closed without a word.
SPARE_CONNECTIONS = 32
_BACKLOG = 128
_NO_DESCRIPTOR_S, _ENDED_BEFORE_S = 1.0, 0.05
# Time enough for another process to take a connection, and hardly any for who opens it.
_LEAVE_TO_OTHERS_S = 0.002


@dataclass(frozen=True)
class Listeners:
    """Where associations come in, and how many of them may."""

    listener: socket.socket | None
    """The plain port's; None where it is switched off."""
    tls_listener: socket.socket | None
    tls: ServerTls | None
    slots: ConnectionSlots
    handover: Handover | None = None
    """Where several processes serve: one accepts, and hands over to the others."""
    known: KnownActivity = field(default_factory=KnownActivity)
    proxies: Proxies = field(default_factory=lambda: Proxies(()))

    def sockets(self) -> list[tuple[socket.socket, ServerTls | None]]:
        """At least one; the plain one first."""
        both = ((self.listener, None), (self.tls_listener, self.tls))
        return [(listener, tls) for listener, tls in both if listener is not None]

    def accept(self, listener: socket.socket) -> Accepted:
        """The next connection, with the address of the load balancer where one passes it on.

        Raises OSError.
        """
        client, address = listener.accept()
        return Accepted(client, (address[0], address[1]), listener is self.tls_listener)

    def take(self, handover: Handover, stopped: int) -> Accepted | None:
        """The next connection that is handed over; None where another process took it, or
        `stopped`, a descriptor, can be read from.

        One that has more associations than another leaves the next to it: speed depends on each
        having its share. Raises OSError.
        """
        if not handover.wait(stopped):
            return None
        if self.slots.is_ahead(handover.taking):
            handover.pass_on()
            time.sleep(_LEAVE_TO_OTHERS_S)
        return handover.take()

    def close(self) -> None:
        """Accept no more in this process; nothing waits for a connection any more."""
        if self.handover is not None:
            self.handover.close()
        for listener, _ in self.sockets():
            listener.close()


def open_listeners(settings: Settings, port: int | None = None, *, receivers: int = 0) -> Listeners:
    """Listen on the host of the settings, on `port` (0: any free one; None: that of the settings),
    for so many receiving processes that an entrance accepts for; without, the one process accepts.

    Raises InvalidRequest when the host lies beyond loopback and the network is
    not trusted, when an address cannot be bound, or when the TLS files cannot be used.
    """
    settings.check_binding(settings.dicom_host, "The DICOM node")
    tls = ServerTls(settings) if settings.dicom_tls_port else None
    listener = None
    if settings.dicom_plain:
        listener = listen(settings.dicom_host, settings.dicom_port if port is None else port)
    try:
        tls_listener = None if tls is None else listen(settings.dicom_host, settings.dicom_tls_port)
    except InvalidRequest:
        if listener is not None:
            listener.close()
        raise
    most = settings.max_associations
    slots = ConnectionSlots(most + SPARE_CONNECTIONS, admitted=most)
    handover = Handover(receivers) if receivers else None
    proxies = Proxies(settings.dicom_proxies)
    listeners = Listeners(listener, tls_listener, tls, slots, handover, proxies=proxies)
    for each, _ in listeners.sockets():
        # All of them are waited for at once.
        each.setblocking(False)
    return listeners


def listen(host: str, port: int) -> socket.socket:
    """Raises InvalidRequest."""
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


def pause_after(error: OSError) -> float:
    """Log that nothing could be accepted; seconds to wait, so that the log does not fill.

    A connection ended before it was taken, or no file descriptor is left: then it waits in the
    kernel.
    """
    remedy = REMEDY if error.errno in USED_UP else ""
    log.error("accept_failed", error=str(error), remedy=remedy)
    return _NO_DESCRIPTOR_S if remedy else _ENDED_BEFORE_S
