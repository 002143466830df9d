"""What is asked and answered about peers."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, SecretStr

from api.base_schemas import FewMistakes, Payload, one_of
from api.request_rules.text_lengths import ALL_ROLES, CertificateText, NetworkText
from inference.deliveries.destinations import KINDS
from storage.core.results.result_kinds import RESULT_KINDS
from storage.peers.entities import ACTIONS, Action, TlsVerify
from storage.peers.notifications import NotificationKind

Kind = Annotated[str, *one_of(KINDS)]
ObjectKind = Annotated[str, *one_of(RESULT_KINDS)]


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
