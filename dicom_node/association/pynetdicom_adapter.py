"""pynetdicom's upper layer and DIMSE provider, run by the one thread that owns the socket.

pynetdicom gives an association two threads that poll every millisecond. Here
its own state machine is used as it is, but driven step by step from the thread
that reads: `SynchronousDul` sends at once what pynetdicom queues, and reads
where pynetdicom waits.

pynetdicom's objects take longer to make than a short instance takes to be stored. An association
that a peer opens has them from the moment on when something is asked of them: a request that came
before, C-STORE and a release need none.

All that is used of pynetdicom without being documented by it is used in this file,
`pynetdicom_layers.py` and `pynetdicom_socket.py`, and named in `PRIVATE_NAMES`: `missing_names`
says what another release lacks.
"""

import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pynetdicom import _config, evt
from pynetdicom._globals import ALL_TRANSFER_SYNTAXES, MODE_ACCEPTOR, MODE_REQUESTOR
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket

from dicom_node.association.negotiated import Negotiated, encoded_answer, may_send_deflated
from dicom_node.association.pynetdicom_layers import (
    CLOSING_STATE,
    CONNECTED_STATE,
    ESTABLISHED_STATE,
    IDLE_STATE,
    REQUESTED_STATE,
    SharedState,
    SynchronousDimse,
    SynchronousDul,
)
from dicom_node.association.pynetdicom_socket import NodeSocket, connection_over
from dicom_node.network.connection import Connection

__all__ = [
    "ALL_TRANSFER_SYNTAXES",
    "CLOSING_STATE",
    "CONNECTED_STATE",
    "ESTABLISHED_STATE",
    "IDLE_STATE",
    "MODE_ACCEPTOR",
    "MODE_REQUESTOR",
    "PRIVATE_NAMES",
    "REQUESTED_STATE",
    "SynchronousAssociation",
    "SynchronousDimse",
    "SynchronousDul",
    "Timeouts",
    "missing_names",
    "quiet_pynetdicom",
]

_RELEASE_RP = bytes.fromhex("06 00 00000004 00000000")  # PS3.8 Table 9-25


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


# mypy is set to skip pynetdicom (its own types do not pass strict mode), hence "subclass of Any".
class SynchronousAssociation(Association):  # type: ignore[misc]
    """pynetdicom's association without its threads, and without its parts until they are needed."""

    name: str = ""

    def __init__(self, ae: ApplicationEntity, mode: str, timeouts: Timeouts) -> None:
        self.timeouts = timeouts
        self.tcp: Connection | None = None
        """The connection with the peer while there is one."""
        self.is_killed = False
        """Whether it was aborted on our side."""
        self.prepare: Callable[[], None] = lambda: None
        """Called once pynetdicom's parts are made."""
        self.has_parts = False
        """Whether they are made."""
        self.state = IDLE_STATE
        """Of the upper layer (PS3.8 Table 9-1 to 9-5)."""
        self._answered: Negotiated | None = None
        self._ae, self._mode = ae, mode
        self._accepted_cx: dict[int, Any] = {}
        self._rejected_cx: list[Any] = []
        self.is_established = self.is_released = self._sent_abort = self._kill = False

    def __getattr__(self, name: str) -> Any:
        # What is asked for is pynetdicom's: its __init__ has not made it yet.
        if self.__dict__.get("has_parts", True):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        self.make_parts()
        return getattr(self, name)

    def make_parts(self) -> None:
        """In the thread of the association alone."""
        self.has_parts = True
        ours = {name: getattr(self, name) for name in _KNOWN_BEFORE}
        super().__init__(self._ae, self._mode)
        self.__dict__.update(ours)
        # Not made once more: the queues and locks of one take a third of what all of this does.
        self.dul.__class__ = SynchronousDul
        self.dul.state_machine.__class__ = SharedState
        self.dimse.__class__ = SynchronousDimse
        # The send_* methods wait until the reactor's thread pauses; there is none.
        self._is_paused = True
        self.prepare()
        if self.tcp is not None:
            self.set_socket(NodeSocket(self, client_socket=self.tcp.socket))
            self.dul.forget_events()
        if self._answered is not None:
            self.requestor.ae_title = self._answered.request.calling_ae_title
            self.requestor.primitive = self._answered.request
            self.acceptor.primitive = self._answered.answer

    def connect(self, client: socket.socket) -> None:
        """Be the association of a peer that has connected (Evt5)."""
        self.tcp = connection_over(client, self.timeouts.acse_s)
        self.state = CONNECTED_STATE

    def _abort_blocking(self, block: bool = True) -> None:
        if self._sent_abort or self.is_released:
            return
        self._sent_abort = True
        self.acse.send_abort(0x00)
        self.kill()

    def _abort_nonblocking(self, block: bool = False) -> None:
        self._abort_blocking(block)

    def _bind_defaults(self) -> None:
        # The same for all: binding them one by one takes a tenth of what a brief association does.
        self._handlers = dict(_DEFAULT_HANDLERS)

    def accept_as(self, negotiated: Negotiated) -> None:
        """Answer a request as the same one was answered before (PS3.8 Table 9-10, Evt7).

        Raises OSError where the connection is gone.
        """
        self._accepted_cx = dict(negotiated.accepted)
        self._rejected_cx = list(negotiated.rejected)
        self._answered = negotiated
        self._send_last(negotiated.encoded_answer, ESTABLISHED_STATE)
        self.is_established = True

    def negotiated(self) -> Negotiated:
        """What has just been accepted."""
        answer, accepted = self.acceptor.primitive, dict(self._accepted_cx)
        return Negotiated(
            self.requestor.primitive,
            answer,
            encoded_answer(answer),
            accepted,
            tuple(self._rejected_cx),
            may_send_deflated(accepted.values()),
            str(self.requestor.ae_title).strip(),
            self.dimse.maximum_pdu_size,
        )

    def answer_release(self) -> None:
        """What the peer asked for (Evt12, Evt14). Raises OSError where the connection is gone."""
        self.is_released = True
        self.is_established = False
        self._send_last(_RELEASE_RP, CLOSING_STATE)

    def _send_last(self, pdu: bytes, next_state: str) -> None:
        """Send what ends a state."""
        self.state = next_state
        if self.tcp is None:
            raise ConnectionError("The association has no connection.")
        self.tcp.send([pdu])

    def end_connection(self, linger_s: float) -> None:
        """Let the peer read our last PDU for so long. May be called again."""
        self.is_established = False
        connection = self.tcp
        if connection is not None:
            if self.state == CLOSING_STATE:
                connection.drain(linger_s)
            connection.close()
            self.tcp = None
        wrapped = self.dul.socket if self.has_parts else None
        if wrapped is not None and wrapped.socket is not None:
            if connection is None:
                # What prevented the connection may have left its socket open.
                wrapped.socket.close()
            wrapped.socket = None

    def kill(self) -> None:
        self._kill = self.is_killed = True
        self.is_established = False

    def accepted_context(self, context_id: int) -> Any:
        """The presentation context that was negotiated under this ID; None: there is none."""
        return self._accepted_cx.get(context_id)

    def serve_message(self, message: Any, context_id: int) -> None:
        """Have pynetdicom serve a request by its own service class."""
        self._serve_request(message, context_id)


# What an association knows of itself before pynetdicom's __init__ would begin it.
_KNOWN_BEFORE = (
    "is_established",
    "is_released",
    "_accepted_cx",
    "_rejected_cx",
    "_sent_abort",
    "_kill",
)

_DEFAULT_HANDLERS: dict[Any, Any] = {
    event: (evt.get_default_handler(event), None) for event in evt._INTERVENTION_EVENTS
}

PRIVATE_NAMES: tuple[tuple[str, str], ...] = (
    ("config", "LOG_HANDLER_LEVEL"),
    ("config", "LOG_REQUEST_IDENTIFIERS"),
    ("config", "LOG_RESPONSE_IDENTIFIERS"),
    ("association", "_abort_blocking"),
    ("association", "_abort_nonblocking"),
    ("association", "_accepted_cx"),
    ("association", "_bind_defaults"),
    ("association", "_dul_ready"),
    ("association", "_handlers"),
    ("association", "_is_paused"),
    ("association", "_kill"),
    ("association", "_rejected_cx"),
    ("association", "_sent_abort"),
    ("association", "_serve_request"),
    ("dul", "_decode_pdu"),
    ("dul", "_process_recv_primitive"),
    ("dul", "_recv_pdu"),
    ("dul", "artim_timer"),
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
