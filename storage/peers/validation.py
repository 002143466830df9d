"""What a peer's entry must be like before it is kept."""

import ipaddress
import re
from dataclasses import replace
from pathlib import PurePosixPath
from typing import get_args

from storage.core.errors import InvalidRequest
from storage.http.url_policy import check_url
from storage.peers.certificates import checked_binding
from storage.peers.repository import ACTIONS, Kind, KnownPeer, ObjectKind, TlsVerify
from storage.settings import Settings, is_loopback

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_AE_TITLE = re.compile(r"[\x21-\x5b\x5d-\x7e](?:[\x20-\x5b\x5d-\x7e]{0,14}[\x21-\x5b\x5d-\x7e])?")
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_TOKEN = re.compile(r"[\x20-\x7e]{0,4000}")
_MOST_CERTIFICATES = 16
_FOLDER = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")


def checked(peer: KnownPeer, settings: Settings) -> KnownPeer:
    """The peer as it may be kept. Raises InvalidRequest saying what is wrong with it."""
    _require(_NAME.fullmatch(peer.name), "name", "letters, digits, dot, dash and underscore")
    _require(peer.kind in get_args(Kind), "kind", "ae, stow or folder")
    _require(peer.kind == "ae" or peer.is_destination, "is_destination", "true for stow and folder")
    _require(peer.may <= ACTIONS, "may", "of " + ", ".join(sorted(ACTIONS)))
    kinds = frozenset(get_args(ObjectKind))
    _require(peer.object_kinds <= kinds, "object_kinds", "of " + ", ".join(sorted(kinds)))
    _require(peer.tls_verify in get_args(TlsVerify), "tls_verify", "full, chain or none")
    _require(len(peer.tls_certificates) <= _MOST_CERTIFICATES, "tls_certificates", "at most 16")
    if peer.tls and peer.tls_verify == "chain" and settings.tls_ca is None:
        raise InvalidRequest(
            "Any certificate of any authority that this machine knows would prove to be the peer.",
            remedy="Set MEDIVIEW_TLS_CA, or have the host's name checked: tls_verify full.",
        )
    limits = (peer.max_associations, peer.max_sendings, peer.bandwidth_bytes_per_s)
    _require(min(limits) >= 0 and max(limits) < 2**62, "limits", "0 (none) or more")
    if peer.kind == "ae":
        _check_ae(peer)
    elif peer.kind == "stow":
        check_stow_url(peer, settings)
    else:
        _require(
            len(peer.folder) <= 200
            and _FOLDER.fullmatch(peer.folder)
            and not {".", ".."} & set(PurePosixPath(peer.folder).parts),
            "folder",
            "a path below MEDIVIEW_EXPORT_DIR, such as research or archive/2024",
        )
    return replace(
        peer,
        sources=tuple(_network(source) for source in peer.sources),
        tls_certificates=tuple(checked_binding(one) for one in peer.tls_certificates),
    )


def _check_ae(peer: KnownPeer) -> None:
    _require(
        _AE_TITLE.fullmatch(peer.ae_title),
        "ae_title",
        "1 to 16 characters of ASCII without backslash (PS3.5 6.2)",
    )
    if peer.is_destination or peer.host or peer.port:
        _require(_HOST.fullmatch(peer.host), "host", "a host name or an address")
        _require(0 < peer.port < 65536, "port", "1 to 65535")


def check_stow_url(peer: KnownPeer, settings: Settings) -> None:
    """Let a STOW-RS destination reach the hosts that the operator allows, and no other.

    Whoever may change peers must not be able to make the node ask arbitrary
    addresses of its network. Raises InvalidRequest.
    """
    if "?" in peer.url:
        _require(False, "url", "http:// or https://, a host and a path, without a query")
    url = check_url(peer.url, settings.stow_hosts, "MEDIVIEW_STOW_HOSTS", "STOW-RS destinations")
    _require(_HEADER.fullmatch(peer.token_header), "token_header", "the name of an HTTP header")
    _require(_TOKEN.fullmatch(peer.token), "token", "printable ASCII of at most 4000 characters")
    if peer.token and url.scheme == "http" and not is_loopback(url.host):
        raise InvalidRequest(
            "The token would travel unencrypted, for everyone on the way to read.",
            remedy="Use an https:// address.",
        )


def _network(source: str) -> str:
    try:
        return str(ipaddress.ip_network(source.strip(), strict=False))
    except ValueError as error:
        raise InvalidRequest(
            f"'{source}' is no address or network from which a peer could call.",
            remedy="Write an IP address such as 10.0.0.5, or a network such as 10.0.0.0/24.",
        ) from error


def _require(holds: object, what: str, allowed: str) -> None:
    if not holds:
        raise InvalidRequest(
            f"The peer's {what} is not as it must be.", remedy=f"Allowed: {allowed}."
        )
