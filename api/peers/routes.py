"""Peers: who may call, what each may do, and where results go."""

from collections.abc import Sequence
from typing import Annotated

import structlog
from fastapi import Path, Request, Response

from api.access.policy import ADMINS, INTEGRATORS, policy
from api.audit.middleware import add_detail
from api.audit_rules import Audited, NotAudited, network_change
from api.deps import StorageDep
from api.parameters import problems
from api.peers.schemas import (
    DestinationKindPayload,
    KindField,
    KindList,
    NewPeer,
    ObjectKindPayload,
    OutOfReach,
    PeerChange,
    PeerFields,
    PeerList,
    PeerPayload,
    PeerTested,
    WaitingNotificationsPayload,
)
from api.router_factory import new_router
from inference.deliveries.destinations import KINDS, address_of, checked_peer, probe_peer
from storage.audit import Code, Type
from storage.core.results.result_kinds import RESULT_KINDS
from storage.deliveries.circuit_breaker import CircuitBreakers, OpenBreaker
from storage.peers.entities import KnownPeer
from storage.peers.notifications import PeerNotifications, WaitingNotifications
from storage.settings import Settings

log = structlog.get_logger(__name__)

router = new_router(prefix="/api/peers", tags=["peers"])

kinds_router = new_router(prefix="/api/destination-kinds", tags=["peers"])

Name = Annotated[str, Path(max_length=80, examples=["pacs"])]


@kinds_router.get("", summary="List the kinds of destinations")
@policy(INTEGRATORS, "api:read", NotAudited("It describes the node, and nobody's data."))
def list_destination_kinds() -> KindList:
    """What a form asks for, by kind."""
    return KindList(
        items=[
            DestinationKindPayload(
                name=kind.name,
                title=kind.title,
                address=kind.address,
                may_call=kind.may_call,
                fields=[
                    KindField(
                        name=field.name,
                        label=field.label,
                        input=field.input,
                        max_length=field.max_length,
                        choices=list(field.choices),
                    )
                    for field in kind.fields
                ],
            )
            for kind in KINDS.values()
        ],
        object_kinds=[
            ObjectKindPayload(name=kind.name, title=kind.title) for kind in RESULT_KINDS.values()
        ],
    )


@router.get("", summary="List the peers", responses=problems(503))
@policy(INTEGRATORS, "api:read", NotAudited("It shows addresses of systems, and nobody's data."))
def list_peers(storage: StorageDep) -> PeerList:
    """Those of the table and of MEDIVIEW_DESTINATIONS, by name."""
    return PeerList(
        items=_payloads(storage.circuit_breakers, storage.peer_notifications, storage.peers.all())
    )


@router.get("/{name}", summary="One peer", responses=problems(404))
@policy(INTEGRATORS, "api:read", NotAudited("It shows the address of a system."))
def get_peer(storage: StorageDep, name: Name) -> PeerPayload:
    return _payloads(
        storage.circuit_breakers, storage.peer_notifications, [storage.peers.get(name)]
    )[0]


@router.post("", status_code=201, summary="Add a peer", responses=problems(400, 409))
@policy(ADMINS, "admin", network_change("C"), confirmed_to="add a peer")
def add_peer(request: Request, storage: StorageDep, wanted: NewPeer) -> PeerPayload:
    """It counts at once, without a restart. A person confirms the session first."""
    add_detail(request, name=wanted.name)
    peer = _checked(storage.settings, wanted.name, wanted, "")
    storage.peers.add(peer)
    log.info("peer_added", name=peer.name, kind=peer.kind)
    return _payload(peer)


@router.put("/{name}", summary="Change a peer", responses=problems(400, 404, 409))
@policy(ADMINS, "admin", network_change("U"), confirmed_to="change a peer")
def change_peer(storage: StorageDep, name: Name, wanted: PeerChange) -> PeerPayload:
    """What is left out takes its default, but for the token, which stays.

    A person confirms the session first.
    """
    before = storage.peers.get(name)
    # A token is for the place it was given for: another one does not get it.
    is_same = (wanted.url, wanted.token_url) == (before.url, before.token_url)
    kept = before.token if is_same else ""
    peer = _checked(storage.settings, name, wanted, kept)
    storage.peers.replace(peer)
    log.info("peer_changed", name=name, kind=peer.kind)
    return _payload(peer)


@router.delete("/{name}", status_code=204, summary="Remove a peer", responses=problems(404, 409))
@policy(ADMINS, "admin", network_change("D"), confirmed_to="remove a peer")
def remove_peer(storage: StorageDep, name: Name) -> Response:
    """Deliveries that were on their way to it wait until it is added again.

    A person confirms the session first.
    """
    storage.peers.remove(name)
    log.info("peer_removed", name=name)
    return Response(status_code=204)


@router.post("/{name}/test", summary="Try to reach a peer", responses=problems(400, 404))
@policy(INTEGRATORS, "api:write", Audited(Code.SECURITY_ALERT, "E", Type.NETWORK_CONFIGURATION))
def test_peer(storage: StorageDep, name: Name) -> PeerTested:
    """C-ECHO, a QIDO-RS query, a file written and removed, or what a FHIR server says that it
    can; the answer is a sentence."""
    result = probe_peer(storage, storage.peers.get(name))
    return PeerTested(ok=result.ok, sentence=result.sentence)


def _checked(settings: Settings, name: str, wanted: PeerChange, token_before: str) -> KnownPeer:
    token = token_before if wanted.token is None else wanted.token.get_secret_value()
    fields = wanted.model_dump(exclude={"name", "token"})
    fields |= {
        "sources": tuple(wanted.sources),
        "tls_certificates": tuple(wanted.tls_certificates),
        "may": frozenset(wanted.may),
        "object_kinds": frozenset(wanted.object_kinds),
        "notifications": frozenset(wanted.notifications),
    }
    return checked_peer(KnownPeer(name=name, token=token, **fields), settings)


def _payloads(
    circuit_breakers: CircuitBreakers,
    peer_notifications: PeerNotifications,
    peers: Sequence[KnownPeer],
) -> list[PeerPayload]:
    breakers = {one.destination: one for one in circuit_breakers.all()}
    waiting = peer_notifications.waiting()
    return [_payload(peer, breakers.get(peer.name), waiting.get(peer.name)) for peer in peers]


def _payload(
    peer: KnownPeer,
    breaker: OpenBreaker | None = None,
    waiting: WaitingNotifications | None = None,
) -> PeerPayload:
    fields = {name: getattr(peer, name) for name in PeerFields.model_fields}
    fields |= {
        "sources": list(peer.sources),
        "tls_certificates": list(peer.tls_certificates),
        "may": sorted(peer.may),
        "object_kinds": sorted(peer.object_kinds),
        "notifications": sorted(peer.notifications),
    }
    return PeerPayload(
        name=peer.name,
        address=address_of(peer),
        has_token=bool(peer.token),
        waiting_notifications=WaitingNotificationsPayload(
            count=waiting.count, given_up=waiting.given_up, last_error=waiting.last_error
        )
        if waiting
        else None,
        origin="settings" if peer.from_settings else "table",
        out_of_reach=OutOfReach(
            since=breaker.since,
            calls_in_vain=breaker.failures,
            last_error=breaker.last_error,
            next_call_at=breaker.open_until,
        )
        if breaker
        else None,
        **fields,
    )
