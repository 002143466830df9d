"""An association in either role: reading, sending, and limits.

pynetdicom reads a PDU of whatever length the peer declares, and copies a data
set several times. Here PDUs are walked in place with caps of our own; what is
not the data of an instance goes to pynetdicom's decoding.
"""

import time
from collections.abc import Callable
from functools import partial

import structlog
from pynetdicom.ae import ApplicationEntity
from pynetdicom.pdu_primitives import A_RELEASE, P_DATA

from dicom_node.association.auditing import AssociationAuditing
from dicom_node.association.message_sending import MessageSending
from dicom_node.association.pynetdicom_adapter import (
    CLOSING_STATE,
    ESTABLISHED_STATE,
    IDLE_STATE,
    SynchronousAssociation,
    Timeouts,
)
from dicom_node.association.traffic import AssociationTraffic
from dicom_node.network.command_set import Command, CommandSet
from dicom_node.network.connection import Connection, PeerTooSlow
from dicom_node.network.message_memory import OF_PROCESS, PartOfMemory
from dicom_node.network.messages import MessageAssembler, StoreReceiver
from dicom_node.network.pdu import PDU_HEADER, MalformedPdu, PduReader, PduType, PeerClosed
from dicom_node.peers import Peer, caller_of_peer
from storage.core.callers.visibility import Caller
from storage.core.entities import NO_ASSOCIATION
from storage.core.errors import LimitExceeded

log = structlog.get_logger(__name__)

# Announced to peers: DCMTK then sends PDUs of its own maximum, 128 KB.
ANNOUNCED_PDU_BYTES = 256 * 1024
# Taken from peers that ignore the announcement; nothing of a data PDU is held
# in memory for its own sake, so this guards against nonsense only.
_MAX_DATA_PDU_BYTES = 16 * 1024 * 1024
# 128 contexts with every transfer syntax there is stay below this.
_MAX_OTHER_PDU_BYTES = 1024 * 1024
# Without asynchronous operations, which are never negotiated, a peer waits for
# each answer (PS3.7 D.3.3.3): one that does not is not given memory for it.
_MAX_WAITING_MESSAGES = 64
# Of their data sets; one alone may have more.
_MAX_WAITING_BYTES = 4 * 1024 * 1024
_LINGER_S = 1.0
_POLL_S = 0.01


class NodeAssociation(MessageSending, SynchronousAssociation):
    """An association in either role, run by the calling thread.

    It is never started as a thread as requestor: `request()` and pynetdicom's
    `send_*` methods work in the caller's thread.
    """

    def __init__(self, ae: ApplicationEntity, mode: str, timeouts: Timeouts) -> None:
        super().__init__(ae, mode, timeouts)
        self.store_receiver: StoreReceiver | None = None
        # What the audit trail hears of it; None as requestor.
        self.auditing: AssociationAuditing | None = None
        # What the metrics hear of it; None as requestor.
        self.traffic: AssociationTraffic | None = None
        # Command fields of the requests that we serve ourselves.
        self.served: frozenset[int] = frozenset()
        self.busy = False
        self.is_known = True
        """Whether the peer is one that was entered."""
        self.last_active = time.monotonic()
        # Who calls, as acceptor: whom the list of peers names now.
        self.caller: Callable[[], Caller] = partial(caller_of_peer, None)
        # How the peer called, as acceptor.
        self.called = NO_ASSOCIATION
        # Whom we call, as requestor.
        self.peer: Peer | None = None
        self.connect_error = ""
        self.host = ""
        """From where the peer calls, as acceptor."""
        # Looks at data of responses, in a transfer syntax, before they are decoded.
        self.check_data: Callable[[str, bytes], None] | None = None
        self._store_responses: list[CommandSet] = []
        self._requests: list[tuple[int, CommandSet, bytes | None]] = []
        self._cancelled: set[int] = set()
        # Whether anything came but C-STORE requests, which are served as they come.
        self._has_news = True
        self._messages: MessageAssembler | None = None
        self._reader: PduReader | None = None

    # Reading

    @property
    def connection(self) -> Connection:
        """The TCP connection; ConnectionError where there is none (any more)."""
        if self.tcp is None:
            raise ConnectionError("The association has no connection.")
        return self.tcp

    @property
    def is_open(self) -> bool:
        """Whether the peer may still say something that matters."""
        return self.tcp is not None and self.state not in (IDLE_STATE, CLOSING_STATE)

    def read_while(self, waiting: Callable[[], bool], timeout_s: float | None) -> None:
        """Read PDUs until `waiting` is false, the association ends, or time is up."""
        if self.is_open and timeout_s is not None:
            self.connection.set_timeout(timeout_s)
        while waiting() and self.is_open:
            self.read_pdu()

    def read_waiting(self) -> None:
        """Read what has already arrived."""
        while (
            self.is_open
            and self._reader is not None
            and (self._reader.buffered or self.connection.readable())
        ):
            self.read_pdu()

    def read_pdu(self) -> None:
        """Read one PDU and let it take effect; a broken one ends the association."""
        reader = self._reader or self._pdu_reader()
        try:
            pdu_type, length = reader.header()
            if pdu_type == PduType.DATA:
                self._read_data(length)
            else:
                self._read_other(pdu_type, length)
        except PeerClosed:
            self._happened("Evt17")
        except PeerTooSlow as error:
            log.warning(
                "association_timed_out",
                peer=self.peer_ae_title,
                host=self.host,
                detail=str(error),
            )
            self._give_up()
        except OSError:
            self._happened("Evt17")
        except MalformedPdu as error:
            log.warning("pdu_refused", peer=self.peer_ae_title, host=self.host, detail=str(error))
            if self.auditing is not None:
                self.auditing.not_understood(is_established=self.is_established)
            self._happened("Evt19")

    def answered(self, status: int) -> None:
        """The last response to a request leaves with this status."""
        if self.traffic is not None:
            self.traffic.status = status

    def is_cancelled(self, message_id: int) -> bool:
        """Whether the peer has cancelled the request at hand, or is gone."""
        self.read_waiting()
        return message_id in self._cancelled or not self.is_open

    def context(self, context_id: int) -> tuple[str, str] | None:
        """SOP class and transfer syntax of an accepted context, None for another."""
        accepted = self.accepted_context(context_id)
        if accepted is None:
            return None
        return str(accepted.abstract_syntax), str(accepted.transfer_syntax[0])

    def next_request(self, timeout_s: float) -> tuple[int, CommandSet, bytes | None] | None:
        """The next request of those we serve; None when the peer makes none in time.

        The association still stands after a wait in vain.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            self.read_waiting()
            if self._requests:
                return self._requests.pop(0)
            if not self.is_open or self.is_release_waiting or time.monotonic() >= deadline:
                return None
            time.sleep(_POLL_S)

    @property
    def is_release_waiting(self) -> bool:
        """Whether the peer has asked for release, which the serving loop will answer."""
        primitive = self.dul.peek_next_pdu()
        return isinstance(primitive, A_RELEASE) and primitive.result is None

    def store_status(self) -> int | None:
        """Wait for the response to a C-STORE; None when the association ended without one."""
        self.read_while(lambda: not self._store_responses, self.timeouts.dimse_s)
        return self._store_responses.pop(0).status if self._store_responses else None

    @property
    def peer_ae_title(self) -> str:
        """The other side's AE title as it gave it, empty before it did."""
        user = self.acceptor if self.is_requestor else self.requestor
        return str(user.ae_title or "").strip()

    def _pdu_reader(self) -> PduReader:
        if self._reader is None:
            self._reader = PduReader(self.connection.receive_into, self.connection.receive_both)
        return self._reader

    def _read_data(self, length: int) -> None:
        if length > _MAX_DATA_PDU_BYTES:
            raise MalformedPdu(f"A P-DATA-TF PDU of {length} bytes is announced.")
        if self.state != ESTABLISHED_STATE:
            raise MalformedPdu("P-DATA-TF outside an established association.")
        if self._messages is None:
            self._messages = MessageAssembler(
                self._pdu_reader(),
                self.connection,
                self.store_receiver,
                self._message_came,
                self._store_response_came,
                PartOfMemory(OF_PROCESS, is_known=self.is_known),
            )
        self._messages.data_pdu(length)

    def _read_other(self, pdu_type: int, length: int) -> None:
        if pdu_type not in PduType.__members__.values():
            raise MalformedPdu(f"PDU type {pdu_type:#04x} does not exist.")
        body = self._pdu_reader().body(length, _MAX_OTHER_PDU_BYTES)
        encoded = PDU_HEADER.pack(pdu_type, length) + body
        if self._takes(pdu_type, encoded):
            self.connection.message_done()
            self._has_news = True
            return
        try:
            event = self._decode(pdu_type, encoded)
            self.connection.message_done()
            self._happened(event)
        except MalformedPdu:
            raise
        except Exception as error:
            # pynetdicom lets whatever its decoding meets escape: a peer's
            # bytes decide the type, so none can be listed.
            raise MalformedPdu(f"A PDU of type {pdu_type:#04x} cannot be decoded.") from error

    def _decode(self, pdu_type: int, encoded: bytes) -> str:
        """The event that a PDU is (PS3.8 Table 9-10), decoded by pynetdicom."""
        return str(self.dul.take_pdu(bytearray(encoded)))

    def _takes(self, pdu_type: int, encoded: bytes) -> bool:
        """Whether a PDU has taken effect without pynetdicom."""
        return False

    def _message_came(
        self, context_id: int, command: CommandSet, encoded: bytes, data: bytes | None
    ) -> None:
        """A message other than a C-STORE request: kept until it is its turn."""
        self._has_news = True
        waiting = self.dimse.msg_queue.qsize() if self.has_parts else 0
        _check_waiting(len(self._requests) + waiting)
        waiting_bytes = sum(len(waiting or b"") for _, _, waiting in self._requests)
        if self._requests and waiting_bytes + len(data or b"") > _MAX_WAITING_BYTES:
            raise MalformedPdu("Long messages wait, and the peer does not wait for answers.")
        if command.command_field == Command.C_CANCEL_RQ:
            self._cancelled.add(command.message_id_responded_to)
        elif command.command_field in self.served:
            self._requests.append((context_id, command, data))
        elif command.command_field == Command.N_EVENT_REPORT_RQ:
            # pynetdicom would serve it from a thread of its own, beside this one.
            raise MalformedPdu("N-EVENT-REPORT is not a service of this association.")
        else:
            self._give_to_pynetdicom(context_id, encoded, data)

    def _store_response_came(self, response: CommandSet) -> None:
        _check_waiting(len(self._store_responses))
        self._store_responses.append(response)

    def _give_to_pynetdicom(self, context_id: int, command: bytes, data: bytes | None) -> None:
        context = self.context(context_id)
        if data is not None and context is not None and self.check_data is not None:
            try:
                self.check_data(context[1], data)
            except LimitExceeded as error:
                raise MalformedPdu(error.message) from error
        values = [[context_id, b"\x03" + command]]
        if data is not None:
            values.append([context_id, b"\x02" + data])
        primitive = P_DATA()
        primitive.presentation_data_value_list = values
        try:
            self.dimse.receive_primitive(primitive)
        except Exception as error:
            # As in `_read_other`: a command field that does not exist is a KeyError there.
            raise MalformedPdu("A message has a command set that cannot be decoded.") from error
        self.dul.pump()

    def _happened(self, event: str) -> None:
        self._has_news = True
        self.dul.event_queue.put(event)
        self.dul.pump()

    def _give_up(self) -> None:
        if self.state == ESTABLISHED_STATE:
            self.acse.send_ap_abort(0x00)
        else:
            self._happened("Evt17")

    def close(self) -> None:
        """Let the peer read our last PDU, then end the connection. May be called again."""
        if self._messages is not None:
            self._messages.discard()
        # pynetdicom's objects refer to each other in circles: without this the
        # buffers would wait for the garbage collector.
        self._messages = self._reader = None
        self.end_connection(_LINGER_S)


def _check_waiting(count: int) -> None:
    if count >= _MAX_WAITING_MESSAGES:
        raise MalformedPdu(f"{count} messages wait, and the peer does not wait for answers.")
