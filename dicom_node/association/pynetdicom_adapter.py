"""pynetdicom's upper layer and DIMSE provider, run by the one thread that owns the socket.

pynetdicom gives an association two threads that poll every millisecond. Here
its own state machine is used as it is, but driven step by step from the thread
that reads: `SynchronousDul` sends at once what pynetdicom queues, and reads
where pynetdicom waits.

All that is used of pynetdicom without being documented by it is used in this file, and
named in `PRIVATE_NAMES`: `missing_names` says what another release lacks.
"""

import contextlib
import logging
import queue
import socket
import ssl
from dataclasses import dataclass
from typing import Any

from pynetdicom import _config
from pynetdicom._globals import ALL_TRANSFER_SYNTAXES, MODE_ACCEPTOR, MODE_REQUESTOR
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dul import DULServiceProvider
from pynetdicom.fsm import InvalidEventError
from pynetdicom.transport import AssociationSocket

from dicom_node.network.connection import Connection
from dicom_node.network.tls import tls_words
from dicom_node.network.tls_connection import TlsConnection

__all__ = [
    "ALL_TRANSFER_SYNTAXES",
    "CLOSING_STATE",
    "ESTABLISHED_STATE",
    "IDLE_STATE",
    "MODE_ACCEPTOR",
    "MODE_REQUESTOR",
    "PRIVATE_NAMES",
    "NodeSocket",
    "SynchronousAssociation",
    "SynchronousDimse",
    "SynchronousDul",
    "Timeouts",
    "missing_names",
    "quiet_pynetdicom",
]

IDLE_STATE = "Sta1"  # no association, no connection (PS3.8 Table 9-1)
ESTABLISHED_STATE = "Sta6"
CLOSING_STATE = "Sta13"  # our last PDU is sent; the peer closes the connection


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that an association waits for its peer."""

    connect_s: float = 10.0
    acse_s: float = 30.0  # an answer to A-ASSOCIATE or A-RELEASE
    dimse_s: float = 60.0  # a response, or progress within a message
    idle_s: float = 60.0  # between messages


def quiet_pynetdicom() -> None:
    """Keep data sets out of the log; pynetdicom has these as module settings only."""
    _config.LOG_HANDLER_LEVEL = "none"
    _config.LOG_REQUEST_IDENTIFIERS = False
    _config.LOG_RESPONSE_IDENTIFIERS = False
    # Its errors carry values that peers sent; ours are logged where they are handled.
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)


quiet_pynetdicom()


# The four classes below extend pynetdicom's. mypy is set to skip pynetdicom
# (its own types do not pass strict mode), hence "subclass of Any".
class NodeSocket(AssociationSocket):  # type: ignore[misc]
    """pynetdicom's socket over our Connection."""

    socket: Any
    _is_connected: bool

    def __init__(self, assoc: Any, **kwargs: Any) -> None:
        super().__init__(assoc, **kwargs)
        self.connection: Connection | None = None
        if self._is_connected:
            self.connection = _connection(self.socket, assoc.timeouts.acse_s)

    def connect(self, primitive: Any) -> None:
        """Connect as pynetdicom does, but keep the reason of a failure."""
        try:
            self.socket.settimeout(self.assoc.timeouts.connect_s)
            self.socket.connect(primitive.address_info.as_tuple)
            peer = self.assoc.peer
            if peer is not None and peer.tls is not None:
                self._begin_tls(peer.tls.context(), peer.host)
            self.connection = _connection(self.socket, self.assoc.timeouts.acse_s)
            if isinstance(self.connection, TlsConnection):
                self.connection.handshake()
            if peer is not None:
                self.connection.throttle = peer.throttle()
            self._is_connected = True
            primitive.result = "Evt2"
        except OSError as error:
            self.connection = None
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
        if self.connection is None:
            self.event_queue.put("Evt17")
            return
        try:
            self.connection.send([bytestream])
        except OSError:
            self.event_queue.put("Evt17")


def _connection(sock: socket.socket, timeout_s: float) -> Connection:
    if isinstance(sock, ssl.SSLSocket):
        return TlsConnection(sock, timeout_s=timeout_s)
    return Connection(sock, timeout_s=timeout_s)


class SynchronousAssociation(Association):  # type: ignore[misc]
    """pynetdicom's association without its threads."""

    _sent_abort: bool

    def __init__(self, ae: ApplicationEntity, mode: str) -> None:
        super().__init__(ae, mode)
        self.is_killed = False
        """Whether it was aborted on our side."""
        # Not made once more: the queues and locks of one take a third of what an association does
        # until its thread begins.
        self.dul.__class__ = SynchronousDul
        self.dimse.__class__ = SynchronousDimse
        # The send_* methods wait until the reactor's thread pauses; there is none.
        self._is_paused = True

    def _abort_blocking(self, block: bool = True) -> None:
        if self._sent_abort or self.is_released:
            return
        self._sent_abort = True
        self.acse.send_abort(0x00)
        self.kill()

    def _abort_nonblocking(self, block: bool = False) -> None:
        self._abort_blocking(block)

    def kill(self) -> None:
        self._kill = self.is_killed = True
        self.is_established = False

    def accepted_context(self, context_id: int) -> Any:
        """The presentation context that was negotiated under this ID; None: there is none."""
        return self._accepted_cx.get(context_id)

    def serve_message(self, message: Any, context_id: int) -> None:
        """Have pynetdicom serve a request by its own service class."""
        self._serve_request(message, context_id)


class SynchronousDul(DULServiceProvider):  # type: ignore[misc]
    """pynetdicom's upper layer without its thread."""

    def start(self) -> None:
        """There is no thread to start: release the one that waits for it."""
        self.assoc._dul_ready.set()

    def send_pdu(self, primitive: Any) -> None:
        """Hand over a primitive and send it now."""
        super().send_pdu(primitive)
        self.pump()

    def receive_pdu(self, wait: bool = False, timeout: float | None = None) -> Any:
        """The next primitive for the user, reading from the peer when `wait`."""
        if wait:
            self.assoc.read_while(self.to_user_queue.empty, timeout)
        return super().receive_pdu(wait=False)

    def take_pdu(self, encoded: bytearray) -> Any:
        """Decode a PDU for the user; the event that its arrival is (PS3.8 Table 9-10)."""
        pdu, event = self._decode_pdu(encoded)
        self._recv_pdu.put(pdu)
        return event

    def pump(self) -> None:
        """Run the state machine until nothing is left to do."""
        while True:
            if self.event_queue.empty() and not self._process_recv_primitive():
                return
            try:
                self.state_machine.do_action(self.event_queue.get_nowait())
            except InvalidEventError:
                # Our side asked for something after the association had ended.
                self.state_machine.current_state = IDLE_STATE
            if self.state_machine.current_state == IDLE_STATE:
                self._clear(self.event_queue)
                self._clear(self.to_provider_queue)
                return

    @staticmethod
    def _clear(waiting: "queue.Queue[Any]") -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                waiting.get_nowait()


class SynchronousDimse(DIMSEServiceProvider):  # type: ignore[misc]
    """pynetdicom's DIMSE provider, which reads when it is asked for a message."""

    def get_msg(self, block: bool = False) -> Any:
        if block:
            self.assoc.read_while(self.msg_queue.empty, self.assoc.timeouts.dimse_s)
        return super().get_msg(block=False)

    def send_msg(self, primitive: Any, context_id: int) -> None:
        super().send_msg(primitive, context_id)
        # A C-CANCEL that came meanwhile must be seen before the next response.
        self.assoc.read_waiting()


PRIVATE_NAMES: tuple[tuple[str, str], ...] = (
    ("config", "LOG_HANDLER_LEVEL"),
    ("config", "LOG_REQUEST_IDENTIFIERS"),
    ("config", "LOG_RESPONSE_IDENTIFIERS"),
    ("association", "_abort_blocking"),
    ("association", "_abort_nonblocking"),
    ("association", "_accepted_cx"),
    ("association", "_dul_ready"),
    ("association", "_is_paused"),
    ("association", "_kill"),
    ("association", "_sent_abort"),
    ("association", "_serve_request"),
    ("dul", "_decode_pdu"),
    ("dul", "_process_recv_primitive"),
    ("dul", "_recv_pdu"),
    ("dul", "event_queue"),
    ("dul", "state_machine"),
    ("dul", "to_provider_queue"),
    ("dul", "to_user_queue"),
    ("dimse", "msg_queue"),
    ("socket", "_is_connected"),
    ("socket", "_ready"),
    ("socket", "_shutdown_socket"),
    ("socket", "event_queue"),
    ("socket", "provider_queue"),
)
"""What is used above, of which part of pynetdicom."""


def missing_names() -> list[str]:
    """Which of them the installed pynetdicom lacks."""
    association = Association(ApplicationEntity(), MODE_REQUESTOR)
    with socket.socket() as unconnected:
        parts = {
            "config": _config,
            "association": association,
            "dul": association.dul,
            "dimse": association.dimse,
            "socket": AssociationSocket(association, client_socket=unconnected),
        }
    return [f"{part}.{name}" for part, name in PRIVATE_NAMES if not hasattr(parts[part], name)]
