"""The node's SCP: listening, admission, limits, and a clean end."""

import contextlib
import threading
import time
from dataclasses import dataclass, field
from functools import partial

import structlog
from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.transport import AddressInformation

from dicom_node.association.acceptor import AcceptedAssociation
from dicom_node.association.admission import Admission
from dicom_node.association.auditing import AssociationAuditing
from dicom_node.association.base import ANNOUNCED_PDU_BYTES
from dicom_node.association.contexts import fetched_classes, supported_contexts
from dicom_node.association.extended_negotiation import answer_extended
from dicom_node.association.negotiated import NegotiatedRequests
from dicom_node.association.peer_addresses import PeerAddresses
from dicom_node.association.processor_share import ProcessorShare
from dicom_node.association.pynetdicom_adapter import Timeouts
from dicom_node.association.threads import AssociationThreads
from dicom_node.association.titles import Rejection
from dicom_node.association.traffic import AssociationTraffic, TrafficCounter
from dicom_node.commitment.reporter import CommitmentReporter
from dicom_node.network.handover import Accepted, Address
from dicom_node.network.listening import SPARE_CONNECTIONS, Listeners, open_listeners
from dicom_node.network.shared_thread import SharedThread
from dicom_node.network.slot_precedence import TakenSlot
from dicom_node.network.tls import ServerTls
from dicom_node.network.tls_connection import TlsConnection
from dicom_node.normalized.peer_notifier import PeerNotifier
from dicom_node.server.accepting import Accepting
from dicom_node.server.dimse_services import SERVED, request_handlers
from dicom_node.server.lost_slots import LostSlots, end_where_lost
from dicom_node.status import SUCCESS
from dicom_node.store.counted_store import CountedStoreScp
from dicom_node.ups.reporter import WorkitemReporter
from storage.container import Storage
from storage.ups.events import ScpStatus

log = structlog.get_logger(__name__)

_ASSOCIATE_TIMEOUT_S = 30.0
_GRACE_S = 5.0
_IDLE_BEFORE_CLOSE_S = 0.5
_POLL_S = 0.05
# A peer says who it is at once; who has not by then leaves its slot where there is no other.
_SILENT_S = 3.0


@dataclass
class Scp:
    """A listening SCP. `port` is the one bound, `shutdown()` ends it cleanly.

    `tls_port` is the one bound for TLS, None without. `is_entrance`: it accepts for other
    processes, too, and serves what is not theirs.
    """

    storage: Storage
    listeners: Listeners
    _ae: ApplicationEntity
    is_entrance: bool = False
    _associations: set[AcceptedAssociation] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def host(self) -> str:
        return self._host

    @property
    def port(self) -> int:
        return self._port

    @property
    def tls_port(self) -> int | None:
        return self._tls_port

    def __post_init__(self) -> None:
        first, _ = self.listeners.sockets()[0]
        self._host: str = first.getsockname()[0]
        self._port: int = first.getsockname()[1]
        tls_listener = self.listeners.tls_listener
        self._tls_port: int | None = None if tls_listener is None else tls_listener.getsockname()[1]
        self._admission = Admission(
            self.storage.settings,
            self.storage.engine,
            self.storage.peers,
            self.listeners.slots,
            self.listeners.known,
        )
        self._peer_addresses = PeerAddresses(self.storage.peers)
        self._workitem_reporter = WorkitemReporter(self.storage)
        # What is due to peers does not wait among strangers' associations.
        self._reporters: list[CommitmentReporter | PeerNotifier | WorkitemReporter] = (
            []
            if self.is_entrance
            else [
                CommitmentReporter(self.storage),
                PeerNotifier(self.storage),
                self._workitem_reporter,
            ]
        )
        self._traffic = TrafficCounter(self.storage.engine)
        self._shared_thread = SharedThread()
        self._association_threads = AssociationThreads()
        self._lost_slots = LostSlots(self.listeners.slots, self._snapshot)
        self._processor_share = ProcessorShare(
            known=self.listeners.known, beside_receiving=self.is_entrance
        )
        self._accepting = Accepting(
            self.listeners,
            self._let_in,
            self._peer_addresses,
            self._processor_share,
            is_entrance=self.is_entrance,
        )
        self._negotiated_requests = NegotiatedRequests()
        self._address_info = AddressInformation(self.host, self.port)

    @property
    def association_count(self) -> int:
        """Associations that run just now."""
        with self._lock:
            self._associations = {each for each in self._associations if each.is_alive()}
            return len(self._associations)

    def start(self) -> None:
        self._peer_addresses.start()
        self._accepting.start()
        self._lost_slots.start()
        for each in self._reporters:
            each.start()
        self._traffic.start()

    def announce(self, status: ScpStatus) -> None:
        """Report to subscribers of workitems that the node begins or ends: one process of it."""
        self._workitem_reporter.announce(status)

    def stop_reporting(self) -> None:
        """Report nothing more of what is due to peers; receiving goes on."""
        for each in self._reporters:
            each.stop()

    def shutdown(self, grace_s: float = _GRACE_S) -> None:
        """Stop accepting, let messages under way finish, then end what is left."""
        self._processor_share.stop()
        self._accepting.stop()
        self.stop_reporting()
        self._peer_addresses.stop()
        self._admission.stop()
        deadline = time.monotonic() + grace_s
        while self.association_count:
            late = time.monotonic() >= deadline
            for association in self._snapshot():
                idle_s = time.monotonic() - association.last_active
                if late or (not association.busy and idle_s > _IDLE_BEFORE_CLOSE_S):
                    with contextlib.suppress(OSError):
                        association.connection.interrupt()
            time.sleep(_POLL_S)
        self._lost_slots.stop()
        self._association_threads.stop()
        self._shared_thread.stop()
        self._traffic.stop()

    def _admit(
        self, host: str, association: AcceptedAssociation, request: A_ASSOCIATE
    ) -> Rejection | None:
        refusal = self._admission.admit(association, request, host)
        if refusal is None and association.negotiated_before is None:
            association.acceptor.supported_contexts = supported_contexts(
                request.presentation_context_definition_list,
                fetched=fetched_classes(request.user_information),
            )
        return refusal

    def _snapshot(self) -> list[AcceptedAssociation]:
        with self._lock:
            return list(self._associations)

    def _let_in(self, accepted: Accepted, tls: ServerTls | None) -> None:
        client, address = accepted.client, accepted.address
        settings, slots = self.storage.settings, self.listeners.slots
        taken = slots.take(
            address[0],
            settings.associations_per_address,
            is_peers_address=self._peer_addresses.is_peers(address[0]),
            silent_s=_SILENT_S,
        )
        if taken is None:
            log.warning("connection_refused", host=address[0])
            client.close()
            return
        try:
            self._start_association(accepted, tls, taken)
        except BaseException:
            slots.give_back(taken)
            raise

    def _start_association(
        self, accepted: Accepted, tls: ServerTls | None, taken: TakenSlot
    ) -> None:
        settings = self.storage.settings
        client, address = accepted.client, accepted.address
        association = AcceptedAssociation(
            self._ae,
            Timeouts(
                acse_s=min(_ASSOCIATE_TIMEOUT_S, settings.association_idle_timeout_s),
                dimse_s=settings.association_idle_timeout_s,
                idle_s=settings.association_idle_timeout_s,
            ),
            partial(self._admit, address[0]),
            self._negotiated_requests,
            self._processor_share,
        )
        association.host = address[0]
        association.prepare = partial(self._prepare, association, address)
        association.occupy(self.listeners.slots, taken)
        association.name = f"association-{address[0]}:{address[1]}"
        if tls is not None:
            # The handshake is the association's thread's, which may wait for it.
            client = tls.context().wrap_socket(
                client, server_side=True, do_handshake_on_connect=False
            )
        association.auditing = AssociationAuditing(self.storage.audit, address[0])
        association.connect(client)
        if isinstance(association.connection, TlsConnection):
            association.connection.on_failed = association.auditing.tls_failed
        association.share(self._shared_thread)
        association.traffic = AssociationTraffic(self._traffic)
        association.store_receiver = CountedStoreScp(
            self.storage.ingest, association, settings.max_instance_bytes
        )
        association.serve_with(SERVED, partial(request_handlers, self.storage, association))
        with self._lock:
            # Those that ended are let go here, or they would stay as long as the node runs.
            self._associations = {each for each in self._associations if each.is_alive()}
            self._associations.add(association)
            # Within the lock: one that has not begun is not alive, and would be let go.
            association.begin(self._association_threads)
        # It may have lost its slot before it was among those that are ended for that.
        end_where_lost(association)

    def _prepare(self, association: AcceptedAssociation, address: Address) -> None:
        association.acceptor.maximum_length = ANNOUNCED_PDU_BYTES
        association.acceptor.ae_title = self.storage.settings.ae_title
        association.acceptor.address_info = self._address_info
        association.requestor.address_info = AddressInformation(*address)
        association.bind(evt.EVT_C_ECHO, lambda _: SUCCESS)
        association.bind(evt.EVT_SOP_EXTENDED, lambda event: answer_extended(event.app_info))


def start_scp(
    storage: Storage,
    port: int | None = None,
    *,
    listeners: Listeners | None = None,
    is_entrance: bool = False,
) -> Scp:
    """Serve what comes through `listeners`; without them listen, and raise, as `open_listeners`."""
    settings = storage.settings
    ae = ApplicationEntity(settings.ae_title)
    # Counted here, by server; pynetdicom would count threads for each request.
    ae.maximum_associations = settings.max_associations + SPARE_CONNECTIONS + 1
    opened = open_listeners(settings, port) if listeners is None else listeners
    scp = Scp(storage, opened, ae, is_entrance)
    scp.start()
    if scp.listeners.listener is not None:
        log.info("scp_listening", ae_title=settings.ae_title, host=scp.host, port=scp.port)
    if scp.tls_port is not None:
        log.info("scp_listening_tls", port=scp.tls_port, client_auth=settings.tls_client_auth)
    return scp
