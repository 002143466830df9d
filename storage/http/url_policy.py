"""What the node itself may call over HTTP, so that nobody can aim it at its own network.

An operator lists hosts in a setting; a person who changes a destination or a webhook
chooses among them. Which address such a name leads to is asked for each
connection, checked, and that very address is connected to: a name that answers
differently a moment later (DNS rebinding) gains nothing. Redirects and proxies
are not followed.
"""

import ipaddress
import socket
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from storage.core.errors import InvalidRequest
from storage.core.untrusted_input.host_names import is_host_name, resolving
from storage.settings import is_loopback

DEFAULT_PORTS = {"http": 80, "https": 443}
# IPv6 networks of which the last 32 bits are an IPv4 address: NAT64 (RFC 6052), IPv4-compatible
# (RFC 4291) and IPv4-translated (RFC 2765).
_ENDS_IN_IPV4 = tuple(
    ipaddress.IPv6Network(one) for one in ("64:ff9b::/96", "::/96", "::ffff:0:0:0/96")
)
# NAT64 of a site (RFC 8215). It may put the address where RFC 6052 has it for any of these
# lengths of its prefix; the bits from 64 to 71 are none of it.
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
_PREFIX_BITS = (48, 56, 64, 96)
# Where cloud providers answer with credentials or certificates, besides 169.254.0.0/16 and
# fe80::/10 (link-local).
_METADATA = tuple(
    ipaddress.ip_network(one)
    for one in (
        "100.96.0.96/32",  # Volcengine
        "100.100.100.200/32",  # Alibaba Cloud
        "168.63.129.16/32",  # Azure's WireServer
        "192.0.0.192/32",  # Oracle Cloud
        "fd00:42::42/128",  # Scaleway
        "fd00:a9fe:a9fe::1/128",  # Akamai (Linode)
        "fd00:c1::a9fe:a9fe/128",  # Oracle Cloud
        "fd00:ec2::/32",  # AWS: metadata, credentials of pods
        "fd20:ce::254/128",  # Google Cloud
    )
)


@dataclass(frozen=True)
class OutboundUrl:
    """An address that the operator's list allows. `host` is lower case, without brackets."""

    url: str
    scheme: str
    host: str
    port: int

    @property
    def host_and_port(self) -> str:
        return f"{bracketed(self.host)}:{self.port}"


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def read_url(url: str) -> OutboundUrl:
    """Take an address apart. Raises InvalidRequest for what is no plain HTTP(S) address.

    User names, fragments, control characters and backslashes are refused: parsers
    disagree about them, and what was checked must be what is called.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower().rstrip("."), parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    if (
        parts.scheme not in DEFAULT_PORTS
        or not is_host_name(host)
        or "@" in parts.netloc
        or parts.fragment
        or port == 0
        or any(ord(character) <= 0x20 or character in "\\\x7f" for character in url)
        or not url.isascii()
    ):
        raise InvalidRequest(
            "The url is not an address that the node could call.",
            remedy="Write http:// or https://, a host (at most 63 characters between dots) and a"
            " path in ASCII, without user and fragment.",
        )
    return OutboundUrl(url, parts.scheme, host, port or DEFAULT_PORTS[parts.scheme])


def check_url(url: str, allowed_hosts: Collection[str], setting: str, what: str) -> OutboundUrl:
    """The address, if its host is on the operator's list of `host` and `host:port`.

    `setting` is the variable that an operator changes, `what` names who calls, in
    the plural. Raises InvalidRequest.
    """
    read = read_url(url)
    allowed = {one.lower().rstrip(".") for one in allowed_hosts}
    if not {read.host, bracketed(read.host), read.host_and_port} & allowed:
        raise InvalidRequest(
            f"The host {read.host_and_port} is none of those that {what} may name.",
            remedy=f"An operator adds {read.host_and_port} to {setting} and restarts.",
        )
    return read


def addresses_of(host: str, port: int) -> list[str]:
    """The IP addresses to connect to, in the system's order of preference.

    A host that an operator listed may well be a private address: a hospital's are.
    Never one of link-local, multicast or unspecified kind, nor a provider's
    metadata service; and this machine only where the host itself says so
    ("localhost", 127.0.0.1, ::1). Raises InvalidRequest where a name leads there,
    OSError where it leads nowhere.
    """
    with resolving(host):
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        if not _may_be_called(address, names_this_machine=is_loopback(host)):
            raise InvalidRequest(
                f"The host {host} leads to an address that the node does not call.",
                remedy="Name the machine itself; loopback, link-local and metadata addresses"
                " are not called by name.",
            )
    return addresses


def _may_be_called(address: str, *, names_this_machine: bool) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if (
        any(ip in one for one in _METADATA)
        or ip.is_link_local
        or ip.is_multicast
        or ip.is_unspecified
    ):
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return int(ip) >> 24 not in (0, 255) and (names_this_machine or not ip.is_loopback)
    if ip.is_loopback:
        return names_this_machine
    return all(
        _may_be_called(str(inner), names_this_machine=names_this_machine)
        for inner in _embedded_in(ip)
    )


def _embedded_in(ip: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """The IPv4 addresses that a packet to it may reach; more than one where it can be read so."""
    inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
    if inner is not None:
        return [inner]
    if any(ip in network for network in _ENDS_IN_IPV4):
        return [ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)]
    if ip not in _LOCAL_NAT64:
        return []
    return [one for bits in _PREFIX_BITS if (one := _behind_prefix(int(ip), bits)) is not None]


def _behind_prefix(value: int, prefix_bits: int) -> ipaddress.IPv4Address | None:
    """The address behind a prefix of that length (RFC 6052 2.2); None where there is none."""
    if prefix_bits == 96:
        found, rest = value & 0xFFFFFFFF, 0
    else:
        # Without the eight bits that hold nothing.
        whole = (value >> 64 << 56) | (value & ((1 << 56) - 1))
        rest_bits = 120 - prefix_bits - 32
        found, rest = whole >> rest_bits & 0xFFFFFFFF, whole & ((1 << rest_bits) - 1)
    # Nothing is at 0.0.0.0/8: these bits are those of another length.
    return ipaddress.IPv4Address(found) if found >> 24 and not rest else None
