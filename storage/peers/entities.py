"""A known peer: who it is, what it may do, and which results it gets."""

import ipaddress
from dataclasses import dataclass, field
from typing import Literal, get_args

from storage.core.addresses import is_within
from storage.core.results.result_kinds import RESULT_KINDS, result_kind
from storage.peers.notifications import NotificationKind
from storage.settings import PeerAction

Action = PeerAction
ACTIONS: frozenset[Action] = frozenset(get_args(Action))
TlsVerify = Literal["full", "chain", "none"]

REFERRING_KINDS = frozenset({"fhir"})
"""Of destinations whose documents refer to a patient there; another patient makes them due."""


@dataclass(frozen=True)
class KnownPeer:
    """One peer, in either direction.

    `sources` are the networks from which it may call, none meaning any. `may` is
    what it may ask of us. `tls`: it is called over TLS, and must call over TLS.
    `tls_verify`: its certificate must be signed by an authority of ours ("chain")
    and name the host that we call ("full"). `tls_certificates`: those by one of which it
    proves, when it calls, that it is this peer (`storage.peers.certificates`).

    `kind`: how it gets results, with the fields that the kind takes: a file each in
    `inference.deliveries.destinations`, as its `registry` lists them.
    `object_kinds` is its capability profile, empty meaning every kind. Limits of 0 are none.

    `notifications`: what it is notified of by DIMSE (`storage.peers.notifications`).

    `is_archive`: it may be asked for earlier studies of patients (`inference.priors`).
    `issuer_of_patient_id` is who issued the patient IDs that it answers without an issuer.

    Of a FHIR server: `fhir_version` R4 or R5; `fhir_patients`, whether a patient must be known
    there (match), is created where he is not (create), or is named by identifier alone
    (identifier); `fhir_patient_systems`, a URI for patient IDs, or ISSUER=URI for each issuer;
    `sign_in`, how `token` is shown: none, header, basic, bearer, oauth2 (client credentials, with
    `user_name` as the client).
    """

    name: str
    kind: str = "ae"
    ae_title: str = ""
    host: str = ""
    port: int = 0
    url: str = ""
    token_header: str = "Authorization"  # noqa: S105 - a name, not a secret
    token: str = field(default="", repr=False)
    folder: str = ""
    sources: tuple[str, ...] = ()
    may: frozenset[Action] = ACTIONS
    tls: bool = False
    tls_verify: TlsVerify = "full"
    tls_certificates: tuple[str, ...] = ()
    is_destination: bool = False
    is_archive: bool = False
    issuer_of_patient_id: str = ""
    fhir_version: str = "R4"
    fhir_patients: str = "match"
    fhir_patient_systems: str = ""
    sign_in: str = "header"
    user_name: str = ""
    token_url: str = ""
    token_scope: str = ""
    object_kinds: frozenset[str] = frozenset()
    notifications: frozenset[NotificationKind] = frozenset()
    max_associations: int = 0
    max_sendings: int = 0
    bandwidth_bytes_per_s: int = 0
    from_settings: bool = False

    def may_call_from(self, host: str) -> bool:
        """Whether the peer may open an association from this IP address."""
        if not self.sources:
            return True
        return is_within(host, map(ipaddress.ip_network, self.sources))

    @property
    def must_use_tls(self) -> bool:
        """When it calls: what it proves itself by is shown over TLS alone."""
        return self.tls or bool(self.tls_certificates)

    def takes(self, sop_class_uid: str) -> bool:
        """Whether the capability profile names this kind of object.

        Without a profile everything is taken but what says again what another says, to those
        who ask for it by name.
        """
        kind = RESULT_KINDS[result_kind(sop_class_uid)]
        return kind.name in self.object_kinds if self.object_kinds else not kind.by_name_alone

    @property
    def sendings_at_once(self) -> int:
        """How many senders may be busy with it, 0 for any number.

        A limit of bandwidth is one sender's, so that it holds over all processes.
        """
        return self.max_sendings or (1 if self.bandwidth_bytes_per_s else 0)

    @property
    def sending_bytes_per_s(self) -> float:
        """What one of its senders may send, 0 for any amount."""
        return self.bandwidth_bytes_per_s / max(self.sendings_at_once, 1)
