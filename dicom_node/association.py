"""pynetdicom's association, run by the one thread that owns its socket.

pynetdicom gives an association two threads that poll every millisecond, and
reads a PDU of whatever length the peer declares. Here its own state machine,
negotiation and service classes are used as they are, but driven step by step
from the thread that reads, with our limits: `SynchronousDul` sends at once
what pynetdicom queues, and reads where pynetdicom waits.
"""

import contextlib
import logging
import queue
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from pynetdicom import _config
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dul import DULServiceProvider
from pynetdicom.fsm import InvalidEventError
from pynetdicom.pdu_primitives import A_ASSOCIATE, P_DATA
from pynetdicom.transport import AddressInformation, AssociationSocket

from dicom_node.command_set import Command, CommandSet
from dicom_node.connection import Connection, PeerTooSlow
from dicom_node.messages import Incoming, StoreReceiver
from dicom_node.pdu import PDU_HEADER, MalformedPdu, PduReader, PduType, PeerClosed, data_pdus

log = structlog.get_logger(__name__)

# Announced to peers: DCMTK then sends PDUs of its own maximum, 128 KB.
ANNOUNCED_PDU_BYTES = 256 * 1024
# Taken from peers that ignore the announcement; nothing of a data PDU is held
# in memory for its own sake, so this guards against nonsense only.
_MAX_DATA_PDU_BYTES = 16 * 1024 * 1024
# 128 contexts with every transfer syntax there is stay below this.
_MAX_OTHER_PDU_BYTES = 1024 * 1024
_LINGER_S = 1.0

_IDLE_STATE = "Sta1"
_ESTABLISHED_STATE = "Sta6"


class RequestHandler(Protocol):
    """Serves one kind of request of an acceptor, answering through the association."""

    def serve(self, context_id: int, command: CommandSet, data: bytes | None) -> None: ...


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


# The three classes below extend pynetdicom's. mypy is told to skip pynetdicom
# (its own types do not pass strict mode), hence "subclass of Any".
class NodeSocket(AssociationSocket):  # type: ignore[misc]
    """pynetdicom's socket over our Connection."""

    socket: Any
    _is_connected: bool

    def __init__(self, assoc: "NodeAssociation", **kwargs: Any) -> None:
        super().__init__(assoc, **kwargs)
        self.connection: Connection | None = None
        if self._is_connected:
            self.connection = Connection(self.socket, timeout_s=assoc.timeouts.acse_s)

    def connect(self, primitive: Any) -> None:
        """Connect as pynetdicom does, but keep the reason of a failure."""
        try:
            self.socket.settimeout(self.assoc.timeouts.connect_s)
            self.socket.connect(primitive.address_info.as_tuple)
            self.connection = Connection(self.socket, timeout_s=self.assoc.timeouts.acse_s)
            self._is_connected = True
            primitive.result = "Evt2"
        except OSError as error:
            self.assoc.connect_error = error.strerror or str(error) or type(error).__name__
            self._shutdown_socket()
            self.socket.close()
            self.socket = None
            primitive.result = "Evt17"
        self.provider_queue.put(primitive)
        self._ready.set()

    def send(self, bytestream: bytes) -> None:
        """Send all, or record that the connection is gone (Evt17)."""
        if self.connection is None:
            self.event_queue.put("Evt17")
            return
        try:
            self.connection.send([bytestream])
        except OSError:
            self.event_queue.put("Evt17")


class SynchronousDul(DULServiceProvider):  # type: ignore[misc]
    """pynetdicom's upper layer without its thread."""

    def start(self) -> None:
        """There is no thread to start: release whoever waits for it."""
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

    def pump(self) -> None:
        """Run the state machine until nothing is left to do."""
        while True:
            if self.event_queue.empty() and not self._process_recv_primitive():
                return
            try:
                self.state_machine.do_action(self.event_queue.get_nowait())
            except InvalidEventError:
                # Our side asked for something after the association had ended.
                self.state_machine.current_state = _IDLE_STATE
            if self.state_machine.current_state == _IDLE_STATE:
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


class NodeAssociation(Association):  # type: ignore[misc]
    """An association in either role, run by the calling thread.

    As acceptor it is started as a thread: it negotiates, serves, and ends.
    As requestor it is never started: `request()` and pynetdicom's `send_*`
    methods work in the caller's thread.
    """

    _sent_abort: bool

    def __init__(self, ae: ApplicationEntity, mode: str, timeouts: Timeouts) -> None:
        super().__init__(ae, mode)
        self.timeouts = timeouts
        self.dul = SynchronousDul(self)
        self.dimse = SynchronousDimse(self)
        self.store_receiver: StoreReceiver | None = None
        # Requests of these command fields are served by us, all others by
        # pynetdicom's service classes.
        self.handlers: dict[int, RequestHandler] = {}
        self.busy = False
        self.last_active = time.monotonic()
        self.admit: Callable[[Any], tuple[int, int, int] | None] = lambda _: None
        self.connect_error = ""
        self._store_responses: list[CommandSet] = []
        self._requests: list[tuple[int, CommandSet, bytes | None]] = []
        self._cancelled: set[int] = set()
        self._incoming: Incoming | None = None
        self._reader: PduReader | None = None
        # pynetdicom's send_* methods wait until its reactor thread pauses; there is none.
        self._is_paused = True

    # What pynetdicom would do with its threads

    def _abort_blocking(self, block: bool = True) -> None:
        if self._sent_abort or self.is_released:
            return
        self._sent_abort = True
        self.acse.send_abort(0x00)
        self.kill()

    def _abort_nonblocking(self, block: bool = False) -> None:
        self._abort_blocking(block)

    def kill(self) -> None:
        self._kill = True
        self.is_established = False

    # Reading

    @property
    def connection(self) -> Connection:
        """The TCP connection; ConnectionError where there is none (any more)."""
        wrapped: Connection | None = self.dul.socket.connection if self.dul.socket else None
        if wrapped is None:
            raise ConnectionError("The association has no connection.")
        return wrapped

    @property
    def is_open(self) -> bool:
        """Whether the peer may still say something that matters."""
        return (
            self.dul.socket is not None
            and self.dul.socket.connection is not None
            and self.dul.state_machine.current_state not in (_IDLE_STATE, "Sta13")
        )

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
        reader = self._pdu_reader()
        try:
            pdu_type, length = reader.header()
            if pdu_type == PduType.DATA:
                self._read_data(length)
            else:
                self._read_other(pdu_type, length)
        except PeerClosed:
            self._happened("Evt17")
        except PeerTooSlow as error:
            log.warning("association_timed_out", peer=self.peer_ae_title, detail=str(error))
            self._give_up()
        except OSError:
            self._happened("Evt17")
        except MalformedPdu as error:
            log.warning("pdu_refused", peer=self.peer_ae_title, detail=str(error))
            self._happened("Evt19")

    def send_data(self, context_id: int, command: bytes, data: memoryview | None = None) -> None:
        """Send a message as P-DATA-TF PDUs without pynetdicom's objects.

        Raises OSError when the connection fails, PeerTooSlow among them.
        """
        self.connection.send(self._pdus(context_id, command, data))

    def send_messages(self, context_id: int, messages: Sequence[tuple[bytes, bytes]]) -> None:
        """Send several messages, each a command and its data set, in one go."""
        buffers: list[bytes | memoryview] = []
        for command, data in messages:
            buffers += self._pdus(context_id, command, memoryview(data))
        self.connection.send(buffers)

    def _pdus(
        self, context_id: int, command: bytes, data: memoryview | None
    ) -> list[bytes | memoryview]:
        limit = self.dimse.maximum_pdu_size
        buffers = data_pdus(context_id, memoryview(command), is_command=True, max_pdu_bytes=limit)
        if data is not None:
            buffers += data_pdus(context_id, data, is_command=False, max_pdu_bytes=limit)
        return buffers

    def is_cancelled(self, message_id: int) -> bool:
        """Whether the peer has cancelled the request at hand, or is gone."""
        self.read_waiting()
        return message_id in self._cancelled or not self.is_open

    def context(self, context_id: int) -> tuple[str, str] | None:
        """SOP class and transfer syntax of an accepted context, None for another."""
        accepted = self._accepted_cx.get(context_id)
        if accepted is None:
            return None
        return str(accepted.abstract_syntax), str(accepted.transfer_syntax[0])

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
            self._reader = PduReader(self.connection.receive_into)
        return self._reader

    def _read_data(self, length: int) -> None:
        if length > _MAX_DATA_PDU_BYTES:
            raise MalformedPdu(f"A P-DATA-TF PDU of {length} bytes is announced.")
        if self.dul.state_machine.current_state != _ESTABLISHED_STATE:
            raise MalformedPdu("P-DATA-TF outside an established association.")
        if self._incoming is None:
            self._incoming = Incoming(
                self._pdu_reader(),
                self.connection,
                self.store_receiver,
                self._message_came,
                self._store_responses.append,
            )
        self._incoming.data_pdu(length)

    def _read_other(self, pdu_type: int, length: int) -> None:
        if pdu_type not in PduType.__members__.values():
            raise MalformedPdu(f"PDU type {pdu_type:#04x} does not exist.")
        body = self._pdu_reader().body(length, _MAX_OTHER_PDU_BYTES)
        try:
            pdu, event = self.dul._decode_pdu(bytearray(PDU_HEADER.pack(pdu_type, length) + body))
            self.dul._recv_pdu.put(pdu)
            self._happened(event)
        except Exception as error:
            # pynetdicom lets whatever its decoding meets escape: a peer's
            # bytes decide the type, so none can be listed.
            raise MalformedPdu(f"A PDU of type {pdu_type:#04x} cannot be decoded.") from error

    def _message_came(
        self, context_id: int, command: CommandSet, encoded: bytes, data: bytes | None
    ) -> None:
        """A message other than a C-STORE request: kept until it is its turn."""
        if command.command_field == Command.C_CANCEL_RQ:
            self._cancelled.add(command.message_id_responded_to)
        elif command.command_field in self.handlers:
            self._requests.append((context_id, command, data))
        else:
            self._give_to_pynetdicom(context_id, encoded, data)

    def _give_to_pynetdicom(self, context_id: int, command: bytes, data: bytes | None) -> None:
        values = [[context_id, b"\x03" + command]]
        if data is not None:
            values.append([context_id, b"\x02" + data])
        primitive = P_DATA()
        primitive.presentation_data_value_list = values
        self.dimse.receive_primitive(primitive)
        self.dul.pump()

    def _happened(self, event: str) -> None:
        self.dul.event_queue.put(event)
        self.dul.pump()

    def _give_up(self) -> None:
        if self.dul.state_machine.current_state == _ESTABLISHED_STATE:
            self.acse.send_ap_abort(0x00)
        else:
            self._happened("Evt17")

    # Acceptor

    def run_reactor(self) -> None:
        """The life of an accepted association, in its thread."""
        try:
            self.dul.pump()
            self._negotiate()
            if self.is_established:
                self._serve()
        except OSError as error:
            # The peer went away while we answered; what it was told stands.
            log.warning("association_lost", peer=self.peer_ae_title, detail=str(error))
            self._happened("Evt17")
        except Exception as error:
            log.error(
                "association_failed",
                peer=self.peer_ae_title,
                error=type(error).__name__,
                exc_info=True,
            )
            self._give_up()
        finally:
            self.close()

    def _negotiate(self) -> None:
        request = self.dul.receive_pdu(wait=True, timeout=self.timeouts.acse_s)
        if not isinstance(request, A_ASSOCIATE):
            return
        self.requestor.primitive = request
        refusal = self.admit(request)
        if refusal is not None:
            self.requestor.ae_title = request.calling_ae_title
            self.acse.send_reject(*refusal)
            return
        self.acse.negotiate_association()

    def _serve(self) -> None:
        while self.is_open and not self._kill:
            self.connection.set_timeout(self.timeouts.idle_s)
            self.read_pdu()
            self.last_active = time.monotonic()
            self._serve_waiting()
            if self.is_established and self.acse.is_release_requested():
                self.acse.send_release(is_response=True)
                self.is_released = True
                self.is_established = False

    def _serve_waiting(self) -> None:
        while self._requests and self.is_open:
            context_id, command, data = self._requests.pop(0)
            self.busy = True
            self._cancelled.clear()
            self.handlers[command.command_field].serve(context_id, command, data)
            self.busy = False
            self.last_active = time.monotonic()
        while self.is_established:
            context_id, message = self.dimse.get_msg()
            if message is None:
                return
            self.busy = True
            self._serve_request(message, context_id)
            self.busy = False
            self.last_active = time.monotonic()

    def close(self) -> None:
        """Let the peer read our last PDU, then end the connection. May be called again."""
        wrapped = self.dul.socket
        if wrapped is None or wrapped.connection is None:
            return
        self.is_established = False
        if self.dul.state_machine.current_state == "Sta13":
            wrapped.connection.drain(_LINGER_S)
        wrapped.connection.close()
        wrapped.connection = None
        wrapped.socket = None


def address_of(host: str, port: int) -> AddressInformation:
    """Resolve a host; raises OSError (socket.gaierror) when it has no address."""
    return AddressInformation.from_addr_port(host, port)


def local_address(remote: AddressInformation) -> AddressInformation:
    """Any local address of the family that reaches `remote`."""
    any_host = "" if remote.address_family == socket.AF_INET else "::0"
    return AddressInformation.from_addr_port(any_host, 0)
