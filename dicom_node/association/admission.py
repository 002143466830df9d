"""Who may associate with the node, and what each peer may then ask of it."""

import structlog
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.sop_class import ModalityWorklistInformationFind

from dicom_node.association.acceptor import AcceptedAssociation, Rejection, RequestHandler
from dicom_node.network.command_set import Command, CommandSet, encode_response
from dicom_node.network.connection import Connection
from dicom_node.network.connection_slots import ConnectionSlots
from dicom_node.network.tls_connection import TlsConnection
from dicom_node.peers import caller_of_peer
from dicom_node.status import NOT_AUTHORIZED, query_status
from storage.access_groups.viewers import viewer_of
from storage.container import Storage
from storage.core.errors import MediViewError
from storage.core.viewer import viewing
from storage.peers.certificates import bindings_of
from storage.peers.repository import ACTIONS, Action, KnownPeer

log = structlog.get_logger(__name__)

# Result, source and reason of A-ASSOCIATE-RJ (PS3.8 Table 9-21).
CALLING_NOT_RECOGNISED: Rejection = (0x01, 0x01, 0x03)
CALLED_NOT_RECOGNISED: Rejection = (0x01, 0x01, 0x07)
NO_REASON_GIVEN: Rejection = (0x01, 0x01, 0x01)
TEMPORARY_CONGESTION: Rejection = (0x02, 0x03, 0x01)
LOCAL_LIMIT_EXCEEDED: Rejection = (0x02, 0x03, 0x02)

_WORKLIST = str(ModalityWorklistInformationFind)
_ACTION_OF: dict[int, Action] = {
    Command.C_STORE_RQ: "store",
    Command.C_FIND_RQ: "query",
    Command.C_MOVE_RQ: "retrieve",
    Command.C_GET_RQ: "retrieve",
    Command.N_ACTION_RQ: "commit",
    Command.N_CREATE_RQ: "worklist",
    Command.N_SET_RQ: "worklist",
}


class _Unfit(Exception):
    def __init__(self, reason: str, rejection: Rejection) -> None:
        super().__init__(reason)
        self.reason = reason
        self.rejection = rejection


class Admission:
    """Decides on association requests; one for all associations of a server."""

    def __init__(self, storage: Storage, slots: ConnectionSlots) -> None:
        self._storage = storage
        self._slots = slots

    def admit(
        self, association: AcceptedAssociation, request: A_ASSOCIATE, host: str
    ) -> Rejection | None:
        """None for an association that may be, and that is restricted to what its peer may do."""
        calling = str(request.calling_ae_title).strip()
        called = str(request.called_ae_title).strip()
        settings = self._storage.settings
        if settings.check_called_ae_title and called != settings.ae_title:
            return _rejected("called_ae_title_unknown", CALLED_NOT_RECOGNISED, calling, host)
        try:
            peer = self._recognise(calling, host, association.connection)
        except _Unfit as unfit:
            return _rejected(unfit.reason, unfit.rejection, calling, host)
        if peer is not None and association.traffic is not None:
            association.traffic.peer = peer.name
        if not self._has_room(association, calling, peer):
            return _rejected("peer_limit_exceeded", LOCAL_LIMIT_EXCEEDED, calling, host)
        narrow(association, self._storage, peer)
        restrict(association, frozenset(settings.unknown_peers_may) if peer is None else peer.may)
        return None

    def _recognise(self, calling: str, host: str, connection: Connection) -> KnownPeer | None:
        """Whose association it is, None for a stranger that is accepted. Raises _Unfit."""
        is_open = self._storage.settings.unknown_peers == "accept"
        over_tls = isinstance(connection, TlsConnection)
        shown = _shown(connection)
        try:
            known = self._storage.peers.by_ae_title(calling)
            if shown and not self._is_own(shown, calling):
                raise _Unfit("certificate_of_another_peer", CALLING_NOT_RECOGNISED)
        except MediViewError as error:
            if is_open:
                # Whatever it asks for, the answer will be that the storage is away.
                return None
            raise _Unfit("peers_unavailable", TEMPORARY_CONGESTION) from error
        if not known:
            if is_open:
                return None
            raise _Unfit("calling_ae_title_unknown", CALLING_NOT_RECOGNISED)
        from_here = [peer for peer in known if peer.may_call_from(host)]
        if not from_here:
            raise _Unfit("address_not_of_peer", CALLING_NOT_RECOGNISED)
        fitting = [peer for peer in from_here if over_tls or not peer.must_use_tls]
        if not fitting:
            raise _Unfit("tls_required", NO_REASON_GIVEN)
        proven = [peer for peer in fitting if shown.intersection(peer.tls_certificates)]
        if proven:
            return proven[0]
        unbound = [peer for peer in fitting if not peer.tls_certificates]
        if not unbound:
            raise _Unfit("certificate_not_of_peer", CALLING_NOT_RECOGNISED)
        if shown and self._storage.settings.tls_unbound_peers == "reject":
            # Any certificate of the authority would do: that proves nothing of who calls.
            raise _Unfit("peer_names_no_certificate", CALLING_NOT_RECOGNISED)
        return unbound[0]

    def _is_own(self, shown: frozenset[str], calling: str) -> bool:
        """Whether a certificate that belongs to peers is shown under the AE title of one of them.

        One that belongs to none may be anybody's. Raises StorageUnavailable.
        """
        owners = {
            peer.ae_title
            for peer in self._storage.peers.recent()
            if shown.intersection(peer.tls_certificates)
        }
        return not owners or calling in owners

    def _has_room(
        self, association: AcceptedAssociation, calling: str, peer: KnownPeer | None
    ) -> bool:
        limit = peer.max_associations if peer is not None else 0
        limit = limit or self._storage.settings.max_associations_per_peer
        if association.slot is None:
            return True
        return self._slots.name(association.slot, calling, limit, is_known=peer is not None)


def _shown(connection: Connection) -> frozenset[str]:
    """What a caller over TLS may prove by its certificate; nothing where it showed none."""
    certificate = connection.certificate() if isinstance(connection, TlsConnection) else None
    return bindings_of(certificate) if certificate else frozenset()


def restrict(association: AcceptedAssociation, may: frozenset[Action]) -> None:
    """Answer requests for what the peer may not do with Refused: Not Authorised (PS3.7 C.5)."""
    if may >= ACTIONS:
        return
    if "store" not in may and association.store_receiver is not None:
        association.store_receiver = _StoreRefusal(association)
    guard = _Guard(association, may)
    association.serve_with(
        {
            command: _Guarded(guard, handler) if command in _ACTION_OF else handler
            for command, handler in association.handlers.items()
        }
    )


_READS = frozenset({Command.C_FIND_RQ, Command.C_MOVE_RQ, Command.C_GET_RQ})
"""Requests that are answered with what the node has of studies."""


def narrow(association: AcceptedAssociation, storage: Storage, peer: KnownPeer | None) -> None:
    """Answer from the studies of the peer's access groups alone."""
    association.serve_with(
        {
            command: _Narrowed(storage, association, peer, handler)
            if command in _READS
            else handler
            for command, handler in association.handlers.items()
        }
    )


class _Narrowed:
    """A handler that sees what the peer may see, as the groups are at each request."""

    def __init__(
        self,
        storage: Storage,
        association: AcceptedAssociation,
        peer: KnownPeer | None,
        handler: RequestHandler,
    ) -> None:
        self._storage = storage
        self._association = association
        self._caller = caller_of_peer(peer)
        self._handler = handler

    def serve(self, context_id: int, command: CommandSet, data: bytes | None) -> None:
        try:
            viewer = viewer_of(self._storage.engine, self._caller)
        except MediViewError as error:
            status = query_status(error)
            response = encode_response(command, status.code, status.comment)
            self._association.send_data(context_id, response)
            return
        with viewing(viewer):
            self._handler.serve(context_id, command, data)


class _Guard:
    def __init__(self, association: AcceptedAssociation, may: frozenset[Action]) -> None:
        self._association = association
        self._may = may

    def allows(self, context_id: int, command: CommandSet) -> bool:
        action = _ACTION_OF[command.command_field]
        context = self._association.context(context_id)
        if action == "query" and context is not None and context[0] == _WORKLIST:
            action = "worklist"
        if action in self._may:
            return True
        log.warning("request_not_allowed", peer=self._association.peer_ae_title, action=action)
        _refuse(self._association, context_id, command)
        return False


class _Guarded:
    """A handler behind the question whether the peer may ask."""

    def __init__(self, guard: _Guard, handler: RequestHandler) -> None:
        self._guard = guard
        self._handler = handler

    def serve(self, context_id: int, command: CommandSet, data: bytes | None) -> None:
        if self._guard.allows(context_id, command):
            self._handler.serve(context_id, command, data)


class _StoreRefusal:
    """Reads instances of a peer that may not store, and forgets them."""

    # Small enough that nothing of it is streamed anywhere.
    max_instance_bytes = 1

    def __init__(self, association: AcceptedAssociation) -> None:
        self._association = association

    def store(self, context_id: int, command: CommandSet, data: memoryview | None) -> None:
        log.warning("request_not_allowed", peer=self._association.peer_ae_title, action="store")
        _refuse(self._association, context_id, command)

    def store_large(self, context_id: int, command: CommandSet) -> "_LargeRefusal":
        return _LargeRefusal(self, context_id, command)

    def too_large(self, context_id: int, command: CommandSet) -> None:
        self.store(context_id, command, None)


class _LargeRefusal:
    def __init__(self, refusal: _StoreRefusal, context_id: int, command: CommandSet) -> None:
        self._refusal = refusal
        self._context_id = context_id
        self._command = command

    def write(self, piece: memoryview) -> None:
        """Forget it."""

    def finish(self) -> None:
        self._refusal.store(self._context_id, self._command, None)

    def discard(self) -> None:
        """Nothing was kept."""


def _refuse(association: AcceptedAssociation, context_id: int, command: CommandSet) -> None:
    if association.auditing is not None:
        association.auditing.not_allowed(command.command_field)
    response = encode_response(command, NOT_AUTHORIZED.code, NOT_AUTHORIZED.comment)
    association.send_data(context_id, response)


def _rejected(reason: str, rejection: Rejection, calling: str, host: str) -> Rejection:
    log.warning("association_rejected", reason=reason, peer=calling, host=host)
    return rejection
