"""Peers: who may call, what each may do, and where results go."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

import structlog
from fastapi import Path, Request, Response
from pydantic import ConfigDict, Field, SecretStr

from api.access.policy import ADMINS, INTEGRATORS, policy
from api.audit.middleware import add_detail
from api.audit_rules import Audited, NotAudited, network_change
from api.base_schemas import FewMistakes, Payload, one_of
from api.deps import StorageDep
from api.new_router import new_router
from api.parameters import problems
from api.request_rules.text_lengths import ALL_ROLES, CertificateText, NetworkText
from inference.deliveries.destinations import KINDS, address_of, checked_peer, probe_peer
from storage.audit import Code, Type
from storage.container import Storage
from storage.core.result_kinds import RESULT_KINDS
from storage.deliveries.circuit_breaker import OpenBreaker
from storage.peers.notifications import NotificationKind, WaitingNotifications
from storage.peers.repository import ACTIONS, Action, KnownPeer, TlsVerify
from storage.settings import Settings

log = structlog.get_logger(__name__)

router = new_router(prefix="/api/peers", tags=["peers"])

kinds_router = new_router(prefix="/api/destination-kinds", tags=["peers"])

Kind = Annotated[str, *one_of(KINDS)]
ObjectKind = Annotated[str, *one_of(RESULT_KINDS)]
Name = Annotated[str, Path(max_length=80, examples=["pacs"])]


class PeerFields(Payload):
    """One peer but for its name; what a kind does not need stays empty."""

    kind: Kind = Field(
        "ae", description="How it gets results: C-STORE, STOW-RS, files, or resources of FHIR."
    )
    ae_title: str = Field("", max_length=16, examples=["ORTHANC"])
    host: str = Field("", max_length=253, examples=["10.0.0.5"])
    port: int = Field(0, ge=0, le=65535, examples=[4242])
    url: str = Field(
        "",
        max_length=1000,
        description="Of STOW-RS, up to but without `/studies`. Its host must be among"
        " MEDIVIEW_STOW_HOSTS, that of a FHIR server among MEDIVIEW_FHIR_HOSTS.",
        examples=["https://pacs.example.org/dicom-web"],
    )
    token_header: str = Field("Authorization", max_length=100)
    folder: str = Field("", max_length=200, description="Below MEDIVIEW_EXPORT_DIR.")
    sources: list[NetworkText] = Field(
        default_factory=list,
        max_length=64,
        description="Addresses and networks it may call from; none: any.",
        examples=[["10.0.0.0/24"]],
    )
    may: list[Action] = Field(
        default_factory=lambda: sorted(ACTIONS),
        max_length=ALL_ROLES,
        description="What it may ask of this node.",
    )
    tls: bool = Field(
        False, description="It is called over TLS, and is rejected when it calls without."
    )
    tls_verify: TlsVerify = Field(
        "full", description="Its certificate: authority and host, authority alone, or unchecked."
    )
    tls_certificates: list[CertificateText] = Field(
        default_factory=list,
        max_length=16,
        description="By one of which it proves, when it calls over TLS, that it is this peer:"
        " `sha256:` and the fingerprint, or a subject alternative name. It is rejected without.",
        examples=[["dns:ct1.example.org"]],
    )
    is_destination: bool = Field(False, description="It gets results.")
    is_archive: bool = Field(
        False, description="It may be asked for earlier studies: a DICOM peer, or STOW-RS."
    )
    issuer_of_patient_id: str = Field(
        "",
        max_length=64,
        description="Of an archive: who issued the patient IDs that it states without an issuer.",
    )
    fhir_version: Literal["R4", "R5"] = Field("R4", description="Of a FHIR server.")
    fhir_patients: Literal["match", "create", "identifier"] = Field(
        "match",
        description="Of a FHIR server: a patient must be known there, is created where he is not,"
        " or is named by his identifier alone.",
    )
    fhir_patient_systems: str = Field(
        "",
        max_length=1000,
        description="Of a FHIR server: the identifier system of its patient IDs, a URI; or"
        " ISSUER=URI for each issuer, separated by commas.",
        examples=["https://hospital.example.org/mrn"],
    )
    sign_in: Literal["none", "header", "basic", "bearer", "oauth2"] = Field(
        "header", description="How a FHIR server is shown `token`; oauth2: client credentials."
    )
    user_name: str = Field("", max_length=200, description="Of basic; the client of oauth2.")
    token_url: str = Field("", max_length=1000, description="Where oauth2 gets its tokens.")
    token_scope: str = Field("", max_length=500, examples=["system/*.cruds"])
    object_kinds: list[ObjectKind] = Field(
        default_factory=list,
        max_length=ALL_ROLES,
        description="Which results it gets; none: all.",
    )
    notifications: list[NotificationKind] = Field(
        default_factory=list,
        max_length=ALL_ROLES,
        description="What a DICOM peer is notified of: `mpps`, the performed procedure steps that"
        " others report to this node; `ian`, which instances of a study are to be had here.",
    )
    max_associations: int = Field(0, ge=0, le=10_000, description="It may hold at once; 0: any.")
    max_sendings: int = Field(0, ge=0, le=10_000, description="To it at once; 0: any.")
    bandwidth_bytes_per_s: int = Field(0, ge=0, lt=2**62, description="To it; 0: any.")


class PeerChange(PeerFields, FewMistakes):
    model_config = ConfigDict(frozen=True, extra="forbid")

    token: SecretStr | None = Field(
        None,
        max_length=4000,
        description="Value of `token_header` in requests to `url`; it is never answered."
        " Left out in a change: it stays as it is.",
        examples=["Bearer eyJhbGciOi…"],
    )


class NewPeer(PeerChange):
    name: str = Field(min_length=1, max_length=80, examples=["pacs"])


class OutOfReach(Payload):
    """A destination that did not answer. What waits for it goes once it answers again."""

    since: datetime
    calls_in_vain: int
    last_error: str
    next_call_at: datetime


class WaitingNotificationsPayload(Payload):
    count: int = Field(description="Still tried.")
    given_up: int = Field(description="Not taken within MEDIVIEW_COMMITMENT_RETENTION_S.")
    last_error: str = Field(description="Why it has not taken them; empty before the first try.")


class PeerPayload(PeerFields):
    name: str
    address: str = Field(description="As it is written on the command line.")
    has_token: bool
    out_of_reach: OutOfReach | None = Field(
        None, description="Null where it answered last. POST /api/deliveries/retry calls at once."
    )
    waiting_notifications: WaitingNotificationsPayload | None = Field(
        None, description="What it has not taken yet; null where it knows everything."
    )
    origin: Literal["settings", "table"] = Field(
        description="`settings`: from MEDIVIEW_DESTINATIONS, and changed there alone."
    )


class KindField(Payload):
    """A member of a peer that its kind needs."""

    name: str = Field(examples=["host"])
    label: str = Field(examples=["Host"])
    input: Literal["text", "number", "secret"]
    max_length: int | None
    choices: list[str] = Field(description="What it may be, the default first; empty: anything.")


class DestinationKindPayload(Payload):
    name: Kind = Field(description="`kind` of a peer.")
    title: str
    address: str = Field(description="How it is written on the command line.")
    may_call: bool = Field(description="Such a peer may call this node, too.")
    fields: list[KindField]


class ObjectKindPayload(Payload):
    name: ObjectKind = Field(description="In `object_kinds` of a peer.")
    title: str


class KindList(Payload):
    items: list[DestinationKindPayload]
    object_kinds: list[ObjectKindPayload] = Field(description="What a destination may get.")


class PeerList(Payload):
    items: list[PeerPayload]


class PeerTested(Payload):
    ok: bool
    sentence: str


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
    return PeerList(items=_payloads(storage, storage.peers.all()))


@router.get("/{name}", summary="One peer", responses=problems(404))
@policy(INTEGRATORS, "api:read", NotAudited("It shows the address of a system."))
def get_peer(storage: StorageDep, name: Name) -> PeerPayload:
    return _payloads(storage, [storage.peers.get(name)])[0]


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


def _payloads(storage: Storage, peers: Sequence[KnownPeer]) -> list[PeerPayload]:
    breakers = {one.destination: one for one in storage.circuit_breakers.all()}
    waiting = storage.peer_notifications.waiting()
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
