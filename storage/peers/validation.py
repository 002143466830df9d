"""What holds for the entry of every peer; its kind of destination has more to say."""

import ipaddress
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import get_args

from storage.core.callers.certificate_bindings import checked_binding
from storage.core.errors import InvalidRequest
from storage.core.results.result_kinds import RESULT_KINDS
from storage.peers.entities import ACTIONS, KnownPeer, TlsVerify
from storage.peers.notifications import NOTIFICATION_KINDS
from storage.settings import Settings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_MOST_CERTIFICATES = 16


def checked(peer: KnownPeer, settings: Settings) -> KnownPeer:
    """The peer as it may be kept. Raises InvalidRequest saying what is wrong with it."""
    _require(_NAME.fullmatch(peer.name), "name", "letters, digits, dot, dash and underscore")
    _require_known(peer.may, sorted(ACTIONS), "may")
    _require_known(peer.object_kinds, list(RESULT_KINDS), "object_kinds")
    _require_known(peer.notifications, sorted(NOTIFICATION_KINDS), "notifications")
    if peer.notifications and not (peer.ae_title and peer.host):
        raise InvalidRequest(
            f"'{peer.name}' cannot be notified by DIMSE.",
            remedy="Give it as a DICOM peer with its address, AE@host:port.",
        )
    _require(peer.tls_verify in get_args(TlsVerify), "tls_verify", "full, chain or none")
    _require(len(peer.tls_certificates) <= _MOST_CERTIFICATES, "tls_certificates", "at most 16")
    if peer.tls and peer.tls_verify == "chain" and settings.tls_ca is None:
        raise InvalidRequest(
            "Any certificate of any authority that this machine trusts would pass for the peer's.",
            remedy="Set MEDIVIEW_TLS_CA, or have the host's name checked: tls_verify full.",
        )
    limits = (peer.max_associations, peer.max_sendings, peer.bandwidth_bytes_per_s)
    _require(min(limits) >= 0 and max(limits) < 2**62, "limits", "0 (none) or more")
    return replace(
        peer,
        sources=tuple(_network(source) for source in peer.sources),
        tls_certificates=tuple(checked_binding(one) for one in peer.tls_certificates),
    )


def _network(source: str) -> str:
    try:
        return str(ipaddress.ip_network(source.strip(), strict=False))
    except ValueError as error:
        raise InvalidRequest(
            f"'{source}' is not an address or network from which a peer could call.",
            remedy="Write an IP address such as 10.0.0.5, or a network such as 10.0.0.0/24.",
        ) from error


def _require_known(words: Collection[str], known: Sequence[str], what: str) -> None:
    unknown = sorted(set(words).difference(known))
    if unknown:
        raise InvalidRequest(
            f"The peer's {what} cannot contain '{unknown[0]}'.",
            remedy=f"Use {', '.join(known[:-1])} or {known[-1]}.",
        )


def _require(holds: object, what: str, allowed: str) -> None:
    if not holds:
        raise InvalidRequest(f"The peer's {what} is not valid.", remedy=f"Allowed: {allowed}.")
