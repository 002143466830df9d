"""The checks of `mediview doctor` about who could reach what."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from api.server.checks.health import check_access_rules
from storage.access_groups.repository import AccessGroups
from storage.accounts.repository import Accounts
from storage.core.ae_titles import ALLOWED, is_title
from storage.core.errors import MediViewError
from storage.peers.repository import Peers
from storage.settings import Settings, is_loopback
from storage.webhooks.repository import Webhooks

State = Literal["ok", "note", "fail"]


@dataclass(frozen=True)
class Check:
    """One finding: `note` is worth knowing and nothing to repair."""

    name: str
    state: State
    detail: str
    remedy: str = ""


def check_network(settings: Settings) -> Check:
    try:
        settings.check_binding(settings.dicom_host, "The DICOM node")
        settings.check_http_binding()
    except MediViewError as error:
        return Check("network", "fail", error.message, error.remedy)
    if settings.trusted_network:
        return Check(
            "network",
            "note",
            "MEDIVIEW_TRUSTED_NETWORK=true: everyone who reaches the DICOM port may send and ask",
        )
    if is_loopback(settings.http_host):
        return Check("network", "ok", "listens on this machine alone")
    return Check("network", "ok", "HTTP beyond this machine, with sign-in")


def check_sign_in(settings: Settings, accounts: Accounts) -> Check:
    if settings.auth == "none":
        return Check("sign-in", "note", "none: everybody at this machine may do everything")
    if not accounts.has_admin() and not settings.oidc_issuer:
        return Check(
            "sign-in",
            "fail",
            "required, but nobody can administer the node",
            "Make an account: mediview users add NAME --role admin",
        )
    return Check("sign-in", "ok", "required")


def check_proxy(settings: Settings) -> Check:
    """The node itself speaks no HTTPS: where its address is one, a proxy is in front."""
    if settings.trusted_proxies:
        return Check("proxy", "ok", f"{', '.join(settings.trusted_proxies)} may name the client")
    if settings.resolved_public_url.startswith("https://"):
        return Check(
            "proxy",
            "fail",
            "a proxy is in front of the node, and everyone behind it counts as one address:"
            " failed sign-ins of one make all others wait, and the audit trail names the proxy",
            "Set MEDIVIEW_TRUSTED_PROXIES to the proxy's address.",
        )
    return Check("proxy", "ok", "none known")


def check_public_address(settings: Settings) -> Check:
    """Answers of the DICOMweb services name the node by the Host that was asked for."""
    name = "public address"
    if settings.public_url:
        return Check(name, "ok", settings.resolved_public_url)
    if settings.auth == "none" or (
        is_loopback(settings.http_host) and not settings.trusted_proxies
    ):
        return Check(name, "ok", "not stated; the node is asked by this machine")
    return Check(
        name,
        "note",
        "not stated: addresses in answers (RetrieveURL) repeat whatever host a caller names, which"
        " a cache in front of the node would hand to others, and links in messages lead to this"
        " machine",
        "Set MEDIVIEW_PUBLIC_URL to the address that browsers and archives use.",
    )


def check_hl7(settings: Settings) -> Iterator[Check]:
    """Nothing where there is no listener."""
    if not settings.hl7_port:
        return
    if not settings.patient_id_issuer:
        yield Check(
            "HL7 patients",
            "note",
            "messages that name an issuer of patient IDs (PID-3.4) change no study whose images"
            " name none",
            "Set MEDIVIEW_PATIENT_ID_ISSUER to the issuer of the IDs in images.",
        )
    is_open = not is_loopback(settings.hl7_host) and not settings.hl7_certificates
    if is_open and not settings.hl7_allowed_networks:
        yield Check(
            "HL7 senders",
            "note",
            "everyone who reaches the HL7 port may send orders and merge patients"
            + (": MEDIVIEW_HL7_SENDERS keeps nobody out" if settings.hl7_senders else ""),
            "Name the addresses that may connect in MEDIVIEW_HL7_ALLOWED_NETWORKS, or use TLS with"
            " MEDIVIEW_HL7_CERTIFICATES.",
        )


def check_access_groups(webhooks: Webhooks, access_groups: AccessGroups) -> Check:
    found = check_access_rules(access_groups)
    if not found.ok:
        return Check("access groups", "fail", found.detail)
    if not access_groups.state().is_enforced:
        return Check("access groups", "ok", "not enforced: who signs in sees every study")
    without_owner = webhooks.owners().without_owner
    if without_owner:
        return Check(
            "access groups",
            "note",
            f"{without_owner} webhooks have no known owner and send no event of a study",
            "Add them again, or let an administrator set `sends_everything` (PATCH /api/webhooks).",
        )
    return Check("access groups", "ok", "enforced")


def check_ae_titles(peers: Peers) -> Iterator[Check]:
    """Peers of earlier versions, which took other titles as well."""
    wrong = [one for one in peers.all() if one.ae_title and not is_title(one.ae_title)]
    if wrong:
        yield Check(
            "AE titles",
            "fail",
            ", ".join(f"'{one.ae_title}' of {one.name}" for one in wrong)
            + f" cannot be the AE title of a peer: it has {ALLOWED}",
            "Give the system another title, there and here: mediview peers remove and add.",
        )


def check_tls_peers(settings: Settings, peers: Peers) -> Iterator[Check]:
    """Nothing where no client certificates are asked for."""
    if settings.hl7_port and settings.hl7_tls and not settings.hl7_certificates:
        yield Check(
            "HL7 over TLS",
            "note",
            "any certificate of the authority may send orders",
            "Name those that may in MEDIVIEW_HL7_CERTIFICATES.",
        )
    if not settings.dicom_tls_port or settings.tls_client_auth == "none":
        return
    unbound = [one.name for one in peers.all() if one.ae_title and not one.tls_certificates]
    if not unbound:
        yield Check("TLS peers", "ok", "each is known by its certificate")
        return
    happens = {
        "reject": "they are rejected when they show one",
        "accept": "any certificate of the authority may use their AE titles",
    }
    yield Check(
        "TLS peers",
        "note",
        f"{', '.join(unbound)} name no certificate: {happens[settings.tls_unbound_peers]}",
        "Add them with --tls-certificate (mediview peers add), or in the administrators' pages.",
    )
