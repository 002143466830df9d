"""Takes what an archive sends by C-MOVE to an import: a storage SCP of its own, beside the node's.

What came to the node's receiver would be taken for what is sent to it, with pipelines and routing.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator

import structlog
from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.sop_class import Verification
from pynetdicom.transport import AddressInformation

from dicom_node.archives.get_receiver import GetReceiver
from dicom_node.archives.receiving import Receiving
from dicom_node.association.acceptor import AcceptedAssociation
from dicom_node.association.admission import CALLED_NOT_RECOGNISED
from dicom_node.association.base import ANNOUNCED_PDU_BYTES
from dicom_node.association.contexts import supported_contexts
from dicom_node.association.pynetdicom_adapter import Timeouts
from dicom_node.association.titles import Rejection
from dicom_node.network.command_set import CommandSet, encode_response
from dicom_node.network.listening import listen
from dicom_node.network.messages import LargeStore
from dicom_node.network.tls import ServerTls
from dicom_node.status import SUCCESS, DimseStatus
from storage.core.errors import MediViewError
from storage.settings import Settings

log = structlog.get_logger(__name__)

# Archives keep an association for what may follow; another waits so long at most.
_TIMEOUTS = Timeouts(acse_s=15.0, dimse_s=60.0, idle_s=60.0)


_UNASKED = DimseStatus(0xC000, "The import has not asked for it.")


class MoveReceiver:
    """Listens until it is closed. One study at a time comes to it, and one association."""

    def __init__(
        self, ae_title: str, port: int, settings: Settings, *, over_tls: bool = False
    ) -> None:
        """On the host of the settings. Raises InvalidRequest where it cannot listen there.

        `over_tls`: with the certificate and the authority of the node's own TLS, and nothing else.
        """
        self._tls = ServerTls(settings) if over_tls else None
        settings.check_binding(settings.dicom_host, "The import")
        self.ae_title = ae_title
        self.max_instance_bytes = settings.max_instance_bytes
        self.receiving: Receiving | None = None
        self.failure: MediViewError | None = None
        self._one_at_a_time = threading.Lock()
        self._listener = listen(settings.dicom_host, port)
        self._association: AcceptedAssociation | None = None
        self._is_closed = False
        self._thread = threading.Thread(target=self._accept, name="import-receiver", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    @contextlib.contextmanager
    def into(self, receiving: Receiving) -> Iterator[None]:
        """What comes within goes there. Raises what it has raised (`Receiving`)."""
        with self._one_at_a_time:
            self.receiving, self.failure = receiving, None
            try:
                yield
            finally:
                self.receiving = None
                if self.failure is not None:
                    raise self.failure

    def close(self) -> None:
        self._is_closed = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        association = self._association
        if association is not None:
            with contextlib.suppress(OSError):
                association.connection.interrupt()
        self._thread.join(_TIMEOUTS.idle_s or 0)

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                client, address = self._listener.accept()
            except OSError:
                # It was closed, or the connection ended before it was taken.
                continue
            self._serve(client, address)

    def _serve(self, client: socket.socket, address: tuple[str, int]) -> None:
        association = AcceptedAssociation(ApplicationEntity(self.ae_title), _TIMEOUTS, self._admit)
        if self._tls is not None:
            client = self._tls.context().wrap_socket(
                client, server_side=True, do_handshake_on_connect=False
            )
        association.connect(client)
        association.acceptor.maximum_length = ANNOUNCED_PDU_BYTES
        association.acceptor.ae_title = self.ae_title
        association.acceptor.address_info = AddressInformation(*self._listener.getsockname()[:2])
        association.requestor.address_info = AddressInformation(*address[:2])
        association.bind(evt.EVT_C_ECHO, lambda _: SUCCESS)
        association.store_receiver = _ToStudy(association, self)
        self._association = association
        try:
            association.run_reactor()
        finally:
            self._association = None

    def _admit(self, association: AcceptedAssociation, request: A_ASSOCIATE) -> Rejection | None:
        if str(request.called_ae_title).strip() != self.ae_title:
            return CALLED_NOT_RECOGNISED
        association.acceptor.supported_contexts = supported_contexts(
            request.presentation_context_definition_list, frozenset({str(Verification)})
        )
        return None


class _ToStudy:
    """Of an association that may outlast a study: each instance goes to the one that is moved."""

    def __init__(self, association: AcceptedAssociation, receiver: MoveReceiver) -> None:
        self.max_instance_bytes = receiver.max_instance_bytes
        self._association = association
        self._receiver = receiver

    def store(self, context_id: int, command: CommandSet, data: memoryview | None) -> None:
        taker = self._taker()
        if taker is None:
            self.refuse(context_id, command)
            return
        with self.noted():
            taker.store(context_id, command, data)

    def store_large(self, context_id: int, command: CommandSet) -> LargeStore:
        taker = self._taker()
        if taker is None:
            return _Unasked(self, context_id, command)
        with self.noted():
            return _Noted(self, taker.store_large(context_id, command))

    def too_large(self, context_id: int, command: CommandSet) -> None:
        taker = self._taker()
        if taker is None:
            self.refuse(context_id, command)
        else:
            taker.too_large(context_id, command)

    def refuse(self, context_id: int, command: CommandSet) -> None:
        """Nothing was asked for just now."""
        response = encode_response(command, _UNASKED.code, _UNASKED.comment)
        self._association.send_data(context_id, response)

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        """What cannot be kept ends the association, and the import hears why."""
        try:
            yield
        except MediViewError as error:
            self._receiver.failure = error
            raise

    def _taker(self) -> GetReceiver | None:
        receiving = self._receiver.receiving
        if receiving is None:
            return None
        return GetReceiver(self._association, receiving, self.max_instance_bytes)


class _Noted:
    """A large instance on its way."""

    def __init__(self, of: _ToStudy, large: LargeStore) -> None:
        self._of, self._large = of, large

    def write(self, piece: memoryview) -> None:
        with self._of.noted():
            self._large.write(piece)

    def finish(self) -> None:
        with self._of.noted():
            self._large.finish()

    def discard(self) -> None:
        self._large.discard()


class _Unasked:
    def __init__(self, of: _ToStudy, context_id: int, command: CommandSet) -> None:
        self._of = of
        self._context_id = context_id
        self._command = command

    def write(self, piece: memoryview) -> None:
        """It is read and forgotten."""

    def finish(self) -> None:
        self._of.refuse(self._context_id, self._command)

    def discard(self) -> None:
        """Nothing was begun."""
