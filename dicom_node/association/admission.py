"""Who may associate with the node."""

from functools import partial

import structlog
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.sop_class import Verification
from sqlalchemy import Engine

from dicom_node.association.acceptor import AcceptedAssociation
from dicom_node.association.authorization import PeerRights, Unfit, narrow, restrict
from dicom_node.association.group_limits import GroupLimits
from dicom_node.association.titles import Rejection
from dicom_node.network.connection import Connection
from dicom_node.network.connection_slots import ConnectionSlots, Refusal
from dicom_node.network.known_activity import KnownActivity
from dicom_node.network.tls_connection import TlsConnection
from storage.core.addresses import ip_address_of
from storage.core.entities import StoreAssociation
from storage.core.errors import MediViewError
from storage.peers.certificates import bindings_of
from storage.peers.entities import KnownPeer
from storage.peers.repository import Peers
from storage.settings import Settings, is_loopback

log = structlog.get_logger(__name__)

# Result, source and reason of A-ASSOCIATE-RJ (PS3.8 Table 9-21).
CALLING_NOT_RECOGNISED: Rejection = (0x01, 0x01, 0x03)
CALLED_NOT_RECOGNISED: Rejection = (0x01, 0x01, 0x07)
NO_REASON_GIVEN: Rejection = (0x01, 0x01, 0x01)
TEMPORARY_CONGESTION: Rejection = (0x02, 0x03, 0x01)
LOCAL_LIMIT_EXCEEDED: Rejection = (0x02, 0x03, 0x02)


class Admission:
    """Decides on association requests; one for all associations of a server."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        peers: Peers,
        slots: ConnectionSlots,
        known: KnownActivity,
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._peers = peers
        self._slots = slots
        self._known = known
        self._group = GroupLimits(settings.broker_url) if settings.broker_url else None

    def stop(self) -> None:
        """May be called again."""
        if self._group is not None:
            self._group.stop()

    def admit(
        self, association: AcceptedAssociation, request: A_ASSOCIATE, host: str
    ) -> Rejection | None:
        """None for an association that may be, and that is restricted to what its peer may do."""
        calling = str(request.calling_ae_title).strip()
        called = str(request.called_ae_title).strip()
        settings = self._settings
        if settings.check_called_ae_title and called != settings.ae_title:
            return _rejected("called_ae_title_unknown", CALLED_NOT_RECOGNISED, calling, host)
        try:
            peer = self._recognise(calling, host, association.connection)
        except Unfit as unfit:
            return _rejected(unfit.reason, unfit.rejection, calling, host)
        association.is_known = peer is not None
        association.called = StoreAssociation(called, str(ip_address_of(host)))
        if association.traffic is not None:
            association.traffic.is_own_check = peer is None and self._is_own_check(request, host)
            if peer is not None:
                association.traffic.peer = peer.name
        no_room = self._take_room(association, calling, peer)
        if no_room is not None:
            return _rejected(no_room, LOCAL_LIMIT_EXCEEDED, calling, host)
        if peer is not None and "store" in peer.may:
            self._known.may_store()
        rights = PeerRights(
            self._settings,
            self._peers,
            peer,
            partial(self._recognise, calling, host, association.connection),
        )
        narrow(association, self._engine, rights)
        restrict(association, rights)
        return None

    def _is_own_check(self, request: A_ASSOCIATE, host: str) -> bool:
        """Whether this node asks itself whether it answers, and nothing else."""
        return (
            str(request.calling_ae_title).strip() == self._settings.ae_title
            and is_loopback(host)
            and all(
                context.abstract_syntax == Verification
                for context in request.presentation_context_definition_list
            )
        )

    def _recognise(self, calling: str, host: str, connection: Connection) -> KnownPeer | None:
        """Whose association it is, None for a stranger that is accepted. Raises Unfit."""
        is_open = self._settings.unknown_peers == "accept"
        over_tls = isinstance(connection, TlsConnection)
        shown = _shown(connection)
        try:
            known = self._peers.by_ae_title(calling)
            if shown and not self._is_own(shown, calling):
                raise Unfit("certificate_of_another_peer", CALLING_NOT_RECOGNISED)
        except MediViewError as error:
            if is_open:
                # Whatever it asks for, the answer will be that the storage is away.
                return None
            raise Unfit("peers_unavailable", TEMPORARY_CONGESTION) from error
        if not known:
            if is_open:
                return None
            raise Unfit("calling_ae_title_unknown", CALLING_NOT_RECOGNISED)
        from_here = [peer for peer in known if peer.may_call_from(host)]
        if not from_here:
            raise Unfit("address_not_of_peer", CALLING_NOT_RECOGNISED)
        fitting = [peer for peer in from_here if over_tls or not peer.must_use_tls]
        if not fitting:
            raise Unfit("tls_required", NO_REASON_GIVEN)
        proven = [peer for peer in fitting if shown.intersection(peer.tls_certificates)]
        if proven:
            return proven[0]
        unbound = [peer for peer in fitting if not peer.tls_certificates]
        if not unbound:
            raise Unfit("certificate_not_of_peer", CALLING_NOT_RECOGNISED)
        if shown and self._settings.tls_unbound_peers == "reject":
            # Any certificate of the authority would do: that proves nothing of who calls.
            raise Unfit("peer_names_no_certificate", CALLING_NOT_RECOGNISED)
        return unbound[0]

    def _is_own(self, shown: frozenset[str], calling: str) -> bool:
        """Whether a certificate that belongs to peers is shown under the AE title of one of them.

        One that belongs to none may be anybody's. Raises StorageUnavailable.
        """
        owners = {
            peer.ae_title
            for peer in self._peers.recent()
            if shown.intersection(peer.tls_certificates)
        }
        return not owners or calling in owners

    def _take_room(
        self, association: AcceptedAssociation, calling: str, peer: KnownPeer | None
    ) -> Refusal | None:
        if association.taken_slot is None:
            return None
        settings = self._settings
        limit = peer.max_associations if peer is not None else 0
        limit = limit or settings.max_associations_per_peer
        refusal = self._slots.admit(
            association.taken_slot,
            calling,
            limit,
            is_known=peer is not None,
            limit_per_address=settings.associations_per_address,
        )
        if refusal is None and self._group is not None:
            refusal, association.on_ended = self._group.admit(
                calling, limit, settings.max_associations_of_all_hosts
            )
        return refusal


def _shown(connection: Connection) -> frozenset[str]:
    """What a caller over TLS may prove by its certificate; nothing where it showed none."""
    certificate = connection.certificate() if isinstance(connection, TlsConnection) else None
    return bindings_of(certificate) if certificate else frozenset()


def _rejected(reason: str, rejection: Rejection, calling: str, host: str) -> Rejection:
    log.warning("association_rejected", reason=reason, peer=calling, host=host)
    return rejection
