"""pynetdicom's socket over a connection of the node's own; see `pynetdicom_adapter.py`."""

import socket
import ssl
from typing import Any

from pynetdicom.transport import AssociationSocket

from dicom_node.network.connection import Connection
from dicom_node.network.tls import tls_words
from dicom_node.network.tls_connection import TlsConnection


class NodeSocket(AssociationSocket):  # type: ignore[misc]
    """pynetdicom's socket over the Connection of its association, `tcp`."""

    socket: Any
    _is_connected: bool

    def connect(self, primitive: Any) -> None:
        """Connect as pynetdicom does, but keep the reason of a failure."""
        try:
            self.socket.settimeout(self.assoc.timeouts.connect_s)
            self.socket.connect(primitive.address_info.as_tuple)
            peer = self.assoc.peer
            if peer is not None and peer.tls is not None:
                self._begin_tls(peer.tls.context(), peer.host)
            self.assoc.tcp = connection = connection_over(self.socket, self.assoc.timeouts.acse_s)
            if isinstance(connection, TlsConnection):
                connection.handshake()
            if peer is not None:
                connection.throttle = peer.throttle()
            self._is_connected = True
            primitive.result = "Evt2"
        except OSError as error:
            self.assoc.tcp = None
            self.assoc.connect_error = (
                f"TLS: {tls_words(error)}"
                if isinstance(error, ssl.SSLError)
                else error.strerror or str(error) or type(error).__name__
            )
            self._shutdown_socket()
            self.socket.close()
            self.socket = None
            primitive.result = "Evt17"
        self.provider_queue.put(primitive)
        self._ready.set()

    def _begin_tls(self, context: ssl.SSLContext, host: str) -> None:
        self.socket = context.wrap_socket(
            self.socket, server_hostname=host, do_handshake_on_connect=False
        )

    def send(self, bytestream: bytes) -> None:
        """Send all, or record that the connection is gone (Evt17)."""
        connection: Connection | None = self.assoc.tcp
        if connection is None:
            self.event_queue.put("Evt17")
            return
        try:
            connection.send([bytestream])
        except OSError:
            self.event_queue.put("Evt17")


def connection_over(sock: socket.socket, timeout_s: float) -> Connection:
    """With TLS where the socket has it; the handshake is still to be made."""
    if isinstance(sock, ssl.SSLSocket):
        return TlsConnection(sock, timeout_s=timeout_s)
    return Connection(sock, timeout_s=timeout_s)
