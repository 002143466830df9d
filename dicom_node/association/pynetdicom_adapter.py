"""pynetdicom's upper layer and DIMSE provider, run by the one thread that owns the socket.

pynetdicom gives an association two threads that poll every millisecond. Here
its own state machine is used as it is, but driven step by step from the thread
that reads: `SynchronousDul` sends at once what pynetdicom queues, and reads
where pynetdicom waits.

All that is used of pynetdicom without being documented by it is used in this file and in
`pynetdicom_socket.py`, and named in `PRIVATE_NAMES`: `missing_names` says what another release
lacks.
"""

import contextlib
import logging
import queue
import socket
from dataclasses import dataclass
from typing import Any

from pynetdicom import _config, evt
from pynetdicom._globals import ALL_TRANSFER_SYNTAXES, MODE_ACCEPTOR, MODE_REQUESTOR
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dul import DULServiceProvider
from pynetdicom.fsm import InvalidEventError
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.transport import AssociationSocket

from dicom_node.association.negotiated import Negotiated, encoded_answer, may_send_deflated

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

IDLE_STATE = "Sta1"  # no association, no connection (PS3.8 Table 9-1)
CONNECTED_STATE = "Sta2"  # a peer has connected, and has asked for nothing yet
REQUESTED_STATE = "Sta3"  # the peer asked for an association, and waits for the answer
ESTABLISHED_STATE = "Sta6"
CLOSING_STATE = "Sta13"  # our last PDU is sent; the peer closes the connection

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


# The three classes below extend pynetdicom's, as NodeSocket does. mypy is set to skip pynetdicom
# (its own types do not pass strict mode), hence "subclass of Any".
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

    def _bind_defaults(self) -> None:
        # The same for all: binding them one by one takes a tenth of what a brief association does.
        self._handlers = dict(_DEFAULT_HANDLERS)

    def accept_as(self, negotiated: Negotiated) -> None:
        """Answer a request as the same one was answered before (PS3.8 Table 9-10, Evt7)."""
        self.requestor.ae_title = negotiated.request.calling_ae_title
        self._accepted_cx = dict(negotiated.accepted)
        self._rejected_cx = list(negotiated.rejected)
        self.acceptor.primitive = negotiated.answer
        self.dul.send_encoded(negotiated.encoded_answer, ESTABLISHED_STATE)
        self.is_established = self.dul.state_machine.current_state == ESTABLISHED_STATE

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
        )

    def answer_release(self) -> None:
        """What the peer asked for (Evt12, Evt14)."""
        self.is_released = True
        self.is_established = False
        self.dul.send_encoded(_RELEASE_RP, CLOSING_STATE)

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

    def indicate(self, request: A_ASSOCIATE) -> None:
        """A request that was decoded before has come (Evt6)."""
        self.artim_timer.stop()
        self.state_machine.current_state = REQUESTED_STATE
        self.to_user_queue.put(request)

    def send_encoded(self, pdu: bytes, next_state: str) -> None:
        """Send an answer that is encoded already."""
        self.socket.send(pdu)
        self.state_machine.current_state = next_state
        # Where the connection is gone.
        self.pump()

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
