"""Associations that the node opens."""

import socket
from collections.abc import Sequence
from contextlib import suppress
from copy import copy

from pynetdicom.ae import ApplicationEntity
from pynetdicom.presentation import PresentationContext, build_role
from pynetdicom.transport import AddressInformation

from dicom_node.association.base import ANNOUNCED_PDU_BYTES, NodeAssociation
from dicom_node.association.pynetdicom_adapter import MODE_REQUESTOR, Timeouts
from dicom_node.association.pynetdicom_socket import NodeSocket
from dicom_node.peers import Peer, PeerFailed, PeerLacksService
from storage.core.untrusted_input.host_names import resolving

MAX_CONTEXTS = 128  # PS3.8 9.3.2.2: odd identifiers of one byte
_REMEDY = "Check the peer's AE title, address and port, and that it knows this node's AE title."


def open_association(
    peer: Peer,
    calling_ae_title: str,
    contexts: Sequence[PresentationContext],
    timeouts: Timeouts | None = None,
    scp_of: Sequence[str] = (),
) -> NodeAssociation:
    """Associate with `peer`, proposing at most 128 contexts.

    Of the SOP classes in `scp_of` this node proposes to be the SCP (PS3.7 D.3.3.4).
    The association belongs to the calling thread. End it with `end()`.
    Raises PeerFailed, saying whether the peer was out of reach, rejected the
    association (with the standard's reason), or accepted none of the contexts.
    """
    association = NodeAssociation(
        ApplicationEntity(calling_ae_title), MODE_REQUESTOR, timeouts or Timeouts()
    )
    association.peer = peer
    try:
        remote = _address_of(peer.host, peer.port)
        local = _local_address(remote)
        association.set_socket(NodeSocket(association, address=local))
    except OSError as error:
        raise PeerFailed(f"{peer} cannot be reached: {error}.", remedy=_REMEDY) from error
    association.acse_timeout = association.timeouts.acse_s
    association.dimse_timeout = association.timeouts.dimse_s
    association.acceptor.ae_title = peer.ae_title
    association.acceptor.address_info = remote
    association.requestor.address_info = local
    association.requestor.ae_title = calling_ae_title
    association.requestor.maximum_length = ANNOUNCED_PDU_BYTES
    association.requestor.requested_contexts = [
        _numbered(context, 2 * index + 1) for index, context in enumerate(contexts[:MAX_CONTEXTS])
    ]
    for sop_class_uid in scp_of:
        role = build_role(sop_class_uid, scp_role=True)
        association.requestor.add_negotiation_item(role)
    try:
        association.request()
        if not association.is_established:
            raise _failure(association, peer)
        _check_syntaxes(association, contexts, peer)
    except BaseException:
        association.close()
        raise
    return association


def end(association: NodeAssociation) -> None:
    """Release an association that still stands, and close it."""
    with suppress(OSError):
        if association.is_established:
            association.release()
    association.close()


def _check_syntaxes(
    association: NodeAssociation, contexts: Sequence[PresentationContext], peer: Peer
) -> None:
    """A peer may choose among the proposed transfer syntaxes alone (PS3.8 9.3.3.2).

    With another one it would decide how its answers are decoded, deflated ones among them.
    """
    for accepted in association.accepted_contexts:
        proposed = contexts[accepted.context_id // 2].transfer_syntax
        if not set(accepted.transfer_syntax or ()) <= set(proposed or ()):
            association.abort()
            raise PeerFailed(
                f"{peer} chose a transfer syntax that was not proposed.", remedy=_REMEDY
            )


def _numbered(context: PresentationContext, context_id: int) -> PresentationContext:
    numbered = copy(context)
    numbered.context_id = context_id
    return numbered


def _failure(association: NodeAssociation, peer: Peer) -> PeerFailed:
    if association.is_rejected:
        answer = association.acceptor.primitive
        why = f"{peer} rejected the association: {answer.reason_str}."
        return PeerFailed(why, remedy=_REMEDY)
    connect_error = association.connect_error
    if connect_error:
        return PeerFailed(f"{peer} cannot be reached: {connect_error}.", remedy=_REMEDY)
    if association.acceptor.primitive is not None and not association.accepted_contexts:
        return PeerLacksService(
            f"{peer} accepted none of the proposed SOP classes and transfer syntaxes.",
            remedy=_REMEDY,
        )
    return PeerFailed(
        f"{peer} closed the connection or did not answer the association request in time.",
        remedy=_REMEDY,
    )


def _address_of(host: str, port: int) -> AddressInformation:
    """Resolve a host; raises OSError (socket.gaierror) when it has no address."""
    with resolving(host):
        return AddressInformation.from_addr_port(host, port)


def _local_address(remote: AddressInformation) -> AddressInformation:
    """Any local address of the family that reaches `remote`."""
    any_host = "" if remote.address_family == socket.AF_INET else "::0"
    return AddressInformation.from_addr_port(any_host, 0)
