"""What the peer of an association may ask and see, as peers and groups are at each request."""

from collections.abc import Callable

import structlog
from pynetdicom.sop_class import ModalityWorklistInformationFind
from sqlalchemy import Engine

from dicom_node.association.acceptor import AcceptedAssociation, RequestHandler
from dicom_node.association.contexts import UPS_CLASSES
from dicom_node.association.titles import Rejection
from dicom_node.network.command_set import Command, CommandSet, encode_response
from dicom_node.network.messages import LargeStore, StoreReceiver
from dicom_node.peers import caller_of_peer
from dicom_node.status import NOT_AUTHORIZED, RESOURCE_LIMITATION, query_status
from storage.access_groups.visibility import visibility_of
from storage.core.callers.visibility import limited_to
from storage.core.errors import MediViewError
from storage.peers.entities import Action, KnownPeer
from storage.peers.repository import Peers
from storage.settings import Settings

log = structlog.get_logger(__name__)

_WORKLISTS = UPS_CLASSES | {str(ModalityWorklistInformationFind)}
_ACTION_OF: dict[int, Action] = {
    Command.C_STORE_RQ: "store",
    Command.C_FIND_RQ: "query",
    Command.C_MOVE_RQ: "retrieve",
    Command.C_GET_RQ: "retrieve",
    Command.N_ACTION_RQ: "commit",
    Command.N_CREATE_RQ: "worklist",
    Command.N_SET_RQ: "worklist",
    Command.N_GET_RQ: "worklist",
}
# What the node itself has asked for, and its handler compares with that.
_ANSWERS = frozenset({Command.N_EVENT_REPORT_RQ})


class Unfit(Exception):
    def __init__(self, reason: str, rejection: Rejection) -> None:
        super().__init__(reason)
        self.reason = reason
        self.rejection = rejection


class PeerRights:
    """Of one association; read again where the list of peers has changed, at most each second.

    `recognise` says whose association it is, None for a stranger that may be there, and raises
    Unfit. A peer that is unfit by now keeps its association, and may ask nothing in it.
    """

    def __init__(
        self,
        settings: Settings,
        peers: Peers,
        peer: KnownPeer | None,
        recognise: Callable[[], KnownPeer | None],
    ) -> None:
        self._settings = settings
        self._peers = peers
        self._recognise = recognise
        self._listed: tuple[KnownPeer, ...] | None = None
        self._peer = peer
        self._may = self._actions_of(peer)

    def may(self, action: Action) -> bool:
        # Asked for each instance: a list that is still the one of before is looked at alone.
        if not self._peers.is_still(self._listed):
            self._read_again()
        return action in self._may

    @property
    def peer(self) -> KnownPeer | None:
        self._read_again()
        return self._peer

    def _read_again(self) -> None:
        try:
            listed = self._peers.recent()
            if listed is self._listed:
                return
            self._peer = self._recognise()
            self._may = self._actions_of(self._peer)
        except Unfit as unfit:
            log.warning("peer_lost_its_rights", reason=unfit.reason)
            self._peer, self._may = None, frozenset()
        except MediViewError:
            return  # The storage was never read: what was decided at the beginning stands.
        self._listed = listed

    def _actions_of(self, peer: KnownPeer | None) -> frozenset[Action]:
        return frozenset(self._settings.unknown_peers_may) if peer is None else peer.may


def restrict(association: AcceptedAssociation, rights: PeerRights) -> None:
    """Answer requests for what the peer may not do with Refused: Not Authorised (PS3.7 C.5).

    A command to which no right belongs is one of them.
    """
    if association.store_receiver is not None:
        association.store_receiver = _GuardedStore(association, rights, association.store_receiver)
    guard = _Guard(association, rights)
    make = association.make_handlers
    association.serve_with(
        association.served,
        lambda: {
            command: handler if command in _ANSWERS else _Guarded(guard, handler)
            for command, handler in make().items()
        },
    )


# Requests that are answered with what the node has of studies, or change it.
_NARROWED = frozenset(
    {
        Command.C_FIND_RQ,
        Command.C_MOVE_RQ,
        Command.C_GET_RQ,
        Command.N_CREATE_RQ,
        Command.N_SET_RQ,
        Command.N_GET_RQ,
    }
)
# Of the others, whatever the SOP class.
_NORMALIZED = frozenset(
    {Command.N_CREATE_RQ, Command.N_SET_RQ, Command.N_GET_RQ, Command.N_ACTION_RQ}
)
# Commitment compares each instance with its sender and groups. Actions on workitems are narrowed.
_DECIDE_THEMSELVES = frozenset({Command.N_ACTION_RQ})


def narrow(association: AcceptedAssociation, engine: Engine, rights: PeerRights) -> None:
    """Answer from the studies of the peer's access groups alone.

    A command for which no restriction by groups is listed is refused while they are enforced.
    """
    association.caller = lambda: caller_of_peer(rights.peer)
    make = association.make_handlers
    association.serve_with(
        association.served,
        lambda: {
            command: handler
            if command in _ANSWERS
            else _Narrowed(engine, association, rights, handler, is_known=command in _NARROWED)
            for command, handler in make().items()
        },
    )


class _Narrowed:
    """A handler that sees what the peer may see, as the groups are at each request."""

    def __init__(
        self,
        engine: Engine,
        association: AcceptedAssociation,
        rights: PeerRights,
        handler: RequestHandler,
        *,
        is_known: bool,
    ) -> None:
        self._engine = engine
        self._association = association
        self._rights = rights
        self._handler = handler
        self._is_known = is_known

    def serve(self, context_id: int, command: CommandSet, data: bytes | None) -> None:
        context = self._association.context(context_id)
        is_workitem = context is not None and context[0] in UPS_CLASSES
        if command.command_field in _DECIDE_THEMSELVES and not is_workitem:
            self._handler.serve(context_id, command, data)
            return
        try:
            visibility = visibility_of(self._engine, caller_of_peer(self._rights.peer))
        except MediViewError as error:
            status = query_status(error)
            is_normalized = command.command_field in _NORMALIZED
            code = RESOURCE_LIMITATION if is_normalized else status.code
            response = encode_response(command, code, status.comment)
            self._association.send_data(context_id, response)
            return
        if visibility is not None and not (self._is_known or is_workitem):
            log.warning("command_not_narrowed", command=f"{command.command_field:#06x}")
            _refuse(self._association, context_id, command)
            return
        with limited_to(visibility):
            self._handler.serve(context_id, command, data)


class _Guard:
    def __init__(self, association: AcceptedAssociation, rights: PeerRights) -> None:
        self._association = association
        self._rights = rights

    def allows(self, context_id: int, command: CommandSet) -> bool:
        action = _ACTION_OF.get(command.command_field)
        context = self._association.context(context_id)
        if action is not None and context is not None and context[0] in _WORKLISTS:
            action = "worklist"
        if action is not None and self._rights.may(action):
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


class _GuardedStore:
    """Stores for a peer that may; reads and forgets the instances of one that may not."""

    def __init__(
        self, association: AcceptedAssociation, rights: PeerRights, receiver: StoreReceiver
    ) -> None:
        self._association = association
        self._rights = rights
        self._receiver = receiver

    @property
    def max_instance_bytes(self) -> int:
        # Of a refused instance nothing is collected: `store_large` forgets it as it comes.
        return self._receiver.max_instance_bytes if self._rights.may("store") else 1

    def store(self, context_id: int, command: CommandSet, data: memoryview | None) -> None:
        if self._rights.may("store"):
            self._receiver.store(context_id, command, data)
        else:
            self.refuse(context_id, command)

    def store_large(self, context_id: int, command: CommandSet) -> LargeStore:
        if self._rights.may("store"):
            return self._receiver.store_large(context_id, command)
        return _LargeRefusal(self, context_id, command)

    def too_large(self, context_id: int, command: CommandSet) -> None:
        if self._rights.may("store"):
            self._receiver.too_large(context_id, command)
        else:
            self.refuse(context_id, command)

    def refuse(self, context_id: int, command: CommandSet) -> None:
        log.warning("request_not_allowed", peer=self._association.peer_ae_title, action="store")
        _refuse(self._association, context_id, command)


class _LargeRefusal:
    def __init__(self, guarded: _GuardedStore, context_id: int, command: CommandSet) -> None:
        self._guarded = guarded
        self._context_id = context_id
        self._command = command

    def write(self, piece: memoryview) -> None:
        """Forget it."""

    def finish(self) -> None:
        self._guarded.refuse(self._context_id, self._command)

    def discard(self) -> None:
        """Nothing was kept."""


def _refuse(association: AcceptedAssociation, context_id: int, command: CommandSet) -> None:
    if association.auditing is not None:
        association.auditing.not_allowed(command.command_field)
    response = encode_response(command, NOT_AUTHORIZED.code, NOT_AUTHORIZED.comment)
    association.send_data(context_id, response)
